// What a talk's target owes to the other end: a push that does not come, or comes to somebody else,
// is an error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <functional>
#include <map>

#include "services/auth/token.h"
#include "tests/benchmarks/pretended_target.h"
#include "tests/benchmarks/ringbench_run.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using Peer = PretendedTarget::Peer;

// Everybody may log in; each talk is answered, and its push is left to the test.
class PretendedChat {
 public:
  // `number` of the talk, from 1.
  using Deliver = std::function<void(PretendedChat& chat, Peer& receiver, const std::string& push,
                                     unsigned number)>;

  explicit PretendedChat(Deliver deliver) : deliver_(std::move(deliver)) {}

  [[nodiscard]] BenchRun talk(std::vector<std::string> more, const std::string& warmup = "0s") {
    more.insert(more.begin(),
                {"talk", "--target", target_.address(), "--secret", "s", "--connections", "4",
                 "--duration", "300ms", "--warmup", warmup, "--drain", "1s"});
    return run_ringbench(std::move(more));
  }

  // Somebody else than that one.
  [[nodiscard]] Peer& other_than(const Peer& receiver) {
    for (const auto& [account, peer] : peers_) {
      if (peer != &receiver) return *peer;
    }
    throw std::runtime_error("nobody else is there");
  }

 private:
  void on_event(Peer& peer, const Event& event) {
    if (event.kind != Event::Kind::kLogic) return;
    PretendedTarget::answer(peer, event);
    if (event.header.command() == "login.signin") {
      TokenClaims claims;
      const std::string token = event.parse<pkt::LoginReq>().token();
      if (verifier_.verify(token, std::time(nullptr), claims) != TokenStatus::kOk) return;
      peers_[claims.account] = &peer;
      return;
    }
    pkt::MessagePush message;
    message.set_body(event.parse<pkt::MessageReq>().body());
    pkt::Header push = header(event.header.command(), event.header.sequence());
    push.set_flag(pkt::Push);
    deliver_(*this, *peers_.at(event.header.dest()), packet(push, message.SerializeAsString()),
             ++talks_);
  }

  Deliver deliver_;
  TokenVerifier verifier_{{"s"}};
  std::map<std::string, Peer*> peers_;
  unsigned talks_ = 0;
  PretendedTarget target_{[this](Peer& peer, const Event& event) { on_event(peer, event); }};
};

TEST(RingbenchPromises, APushThatNeverComesIsAnError) {
  std::atomic<unsigned> dropped = 0;
  PretendedChat chat([&](PretendedChat&, Peer& receiver, const std::string& push, unsigned number) {
    if (number % 10 == 3) {
      ++dropped;
    } else {
      PretendedTarget::send(receiver, push);
    }
  });
  const BenchRun run = chat.talk({"--fail-if", "failed>0"});
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(run.number("/errors/not_delivered"), dropped) << run.output;
  EXPECT_EQ(run.number("/errors/total"), dropped);
  EXPECT_EQ(run.number("/failed"), dropped);
  EXPECT_EQ(run.number("/actions/delivery/failed"), dropped);
  EXPECT_EQ(run.number("/actions/talk/failed"), 0);
  EXPECT_THAT(run.output,
              HasSubstr("pushes that were due in the window never came to their receivers"));
}

TEST(RingbenchPromises, APushOfTheWarmUpThatNeverComesIsAnErrorToo) {
  constexpr unsigned kOfTheWarmUp = 3;  // all connections have as many in a moment
  PretendedChat chat([&](PretendedChat&, Peer& receiver, const std::string& push, unsigned number) {
    if (number > kOfTheWarmUp) PretendedTarget::send(receiver, push);
  });
  const BenchRun run = chat.talk({"--fail-if", "not_delivered>0"}, "300ms");
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_EQ(run.number("/errors/not_delivered"), kOfTheWarmUp) << run.output;
  EXPECT_EQ(run.number("/lost_packets"), 0) << "of those that were due in the window";
  EXPECT_EQ(run.number("/actions/delivery/failed"), 0);
}

TEST(RingbenchPromises, ATargetThatDeliversNothingIsNotGreen) {
  PretendedChat chat([](PretendedChat&, Peer&, const std::string&, unsigned) {});
  const BenchRun run = chat.talk({});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_THAT(
      run.output,
      HasSubstr("talks that were due in the window were answered and not one was delivered"));
  EXPECT_EQ(run.number("/errors/not_delivered"), run.number("/sent"));
}

TEST(RingbenchPromises, APushToSomebodyElseIsNotDelivered) {
  std::atomic<unsigned> misled = 0;
  PretendedChat chat(
      [&](PretendedChat& self, Peer& receiver, const std::string& push, unsigned number) {
        const bool wrong = number % 10 == 3;
        if (wrong) ++misled;
        PretendedTarget::send(wrong ? self.other_than(receiver) : receiver, push);
      });
  const BenchRun run = chat.talk({"--fail-if", "misdelivered>0"});
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_GT(misled, 0U);
  EXPECT_EQ(run.number("/errors/misdelivered"), misled) << run.output;
  EXPECT_EQ(run.number("/errors/not_delivered"), misled);
  EXPECT_EQ(run.number("/actions/delivery/failed"), misled);
  EXPECT_THAT(run.output, HasSubstr("pushes came to connections that they were not for"));
}

TEST(RingbenchPromises, EverythingToOneReceiverIsNotGreen) {
  PretendedChat chat([](PretendedChat& self, Peer& receiver, const std::string& push, unsigned) {
    PretendedTarget::send(self.other_than(receiver), push);
  });
  const BenchRun run = chat.talk({});
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_EQ(run.number("/actions/delivery/answered"), 0) << run.output;
}

// It has come, and is no error twice; and one that comes twice hides none that never came.
TEST(RingbenchPromises, APushThatIsOvertakenHasCome) {
  std::map<Peer*, std::string> held;
  std::atomic<unsigned> overtaken = 0;
  PretendedChat chat([&](PretendedChat&, Peer& receiver, const std::string& push, unsigned) {
    std::string& before = held[&receiver];
    if (before.empty()) {
      before = push;
      return;
    }
    PretendedTarget::send(receiver, push);
    PretendedTarget::send(receiver, before);
    before.clear();
    ++overtaken;
  });
  const BenchRun run = chat.talk({});
  EXPECT_GT(overtaken, 0U);
  EXPECT_EQ(run.number("/errors/out_of_order"), overtaken) << run.output;
  EXPECT_EQ(run.number("/errors/not_delivered"),
            static_cast<double>(
                std::ranges::count_if(held, [](const auto& one) { return !one.second.empty(); })))
      << "those that were still held back";
}

TEST(RingbenchPromises, APushThatComesTwiceHidesNoneThatNeverCame) {
  std::atomic<unsigned> dropped = 0;
  PretendedChat chat([&](PretendedChat&, Peer& receiver, const std::string& push, unsigned number) {
    if (number % 10 == 3) {
      ++dropped;
      return;
    }
    PretendedTarget::send(receiver, push);
    PretendedTarget::send(receiver, push);
  });
  const BenchRun run = chat.talk({});
  EXPECT_GT(run.number("/errors/out_of_order"), dropped) << run.output;
  EXPECT_EQ(run.number("/errors/not_delivered"), dropped) << run.output;
}

}  // namespace
}  // namespace ringgate::test
