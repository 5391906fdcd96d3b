// An instance that does not answer: others are asked instead, until it does.
#include <algorithm>
#include <optional>

#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldOptions;
using test::WorldPacket;

constexpr std::uint32_t kFirst = 2;  // upstreams of the echo service
constexpr std::uint32_t kSecond = 3;

WorldOptions options(std::uint32_t eject_after_ms, std::uint32_t answer_timeout_ms = 30'000) {
  WorldOptions made;
  made.gateway.eject_after_ms = eject_after_ms;
  made.gateway.answer_timeout_ms = answer_timeout_ms;
  return made;
}

CatalogueEntry entry(std::uint32_t upstream, const std::string& id) {
  CatalogueEntry made{upstream, "echo", id, "", true, false};
  made.may_be_pinged = true;
  return made;
}

// The test at the other end of an echo link: what has come on it.
struct EchoPeer {
  TcpPeer link;
  int pings = 0;
  std::vector<WorldPacket> requests = {};

  // Takes what is there, without waiting.
  void read() {
    while (link.fd() >= 0 && test::readable(link.fd(), 0)) {
      const auto frame = link.read_frame();
      if (!frame) return;
      if (frame->opcode == Opcode::kPing) {
        ++pings;
        continue;
      }
      const Packet parsed = parse_packet(as_bytes(frame->payload), 1 << 20);
      WorldPacket got;
      EXPECT_TRUE(
          got.header.ParseFromArray(parsed.header.data(), static_cast<int>(parsed.header.size())));
      requests.push_back(std::move(got));
    }
  }
  void pong() {
    if (pings > 0) link.send(test::framed(Opcode::kPong, {}));
    pings = 0;
  }
  // What a service does that is well.
  void serve() {
    read();
    pong();
    for (const WorldPacket& request : requests) World::answer(link, request);
    requests.clear();
  }
};

class Eject : public testing::Test {
 protected:
  // Two echo services; which one a client's requests go to, its channel decides.
  void start(const WorldOptions& from, std::uint32_t first_lane = kNoLane,
             std::uint32_t second_lane = kNoLane) {
    world_.emplace(from);
    world_->publish({entry(kFirst, "echo01"), entry(kSecond, "echo02"), test::login_entry()});
    world_->login_link = std::make_unique<TcpPeer>(world_->link(1, 0));
    first_.emplace(EchoPeer{world_->link(kFirst, 0, first_lane)});
    second_.emplace(EchoPeer{world_->link(kSecond, 1, second_lane)});
  }
  // Asks, and has it answered by whichever of the two it goes to; the other says nothing.
  bool goes_to(EchoPeer& wanted, EchoPeer& other, const WorldClient& client,
               std::uint32_t sequence) {
    const auto has_it = [sequence](const EchoPeer& peer) {
      return std::ranges::any_of(peer.requests, [sequence](const WorldPacket& request) {
        return request.header.sequence() == sequence;
      });
    };
    EXPECT_TRUE(client.send(sequence));
    EXPECT_TRUE(world_->until([&] {
      wanted.read();
      other.read();
      return has_it(wanted) || has_it(other);
    }));
    const bool is_wanted = has_it(wanted);
    (is_wanted ? wanted : other).serve();
    EXPECT_EQ(receive(client.socket).header.sequence(), sequence);
    return is_wanted;
  }
  // A client of that shard whose requests go there.
  WorldClient client_of(EchoPeer& wanted, EchoPeer& other, std::uint32_t shard) {
    for (int i = 0; i < 100; ++i) {
      WorldClient client = world_->login(shard, "alice" + std::to_string(i));
      if (goes_to(wanted, other, client, 1)) return client;
    }
    ADD_FAILURE() << "no such client";
    return world_->login(shard);
  }
  // What control was told last of that instance; nothing: nothing yet.
  const EjectedMail* last(std::uint32_t upstream) const {
    const EjectedMail* found = nullptr;
    for (const auto& [shard, mail] : world_->ejected) {
      if (mail.upstream == upstream) found = &mail;
    }
    return found;
  }
  // Until it is left out, or used again, for a shard. The second one does its work meanwhile.
  bool until_ejected(std::uint32_t upstream, bool ejected, bool second_serves = true) {
    return world_->until([&] {
      if (second_serves) second_->serve();
      const EjectedMail* const mail = last(upstream);
      return mail != nullptr && (mail->ejected != 0) == ejected;
    });
  }

  std::optional<World> world_;
  std::optional<EchoPeer> first_;
  std::optional<EchoPeer> second_;
};

TEST_F(Eject, ASilentInstanceIsLeftOutByBothShardsUntilItSaysSomething) {
  start(options(1000));
  const WorldClient here = client_of(*first_, *second_, 0);
  const WorldClient there = client_of(*first_, *second_, 1);
  EXPECT_TRUE(there.send(7));  // nobody answers it
  ASSERT_TRUE(until_ejected(kFirst, true));
  EXPECT_EQ(last(kFirst)->reason, EjectReason::kSilent);
  first_->read();
  EXPECT_GE(first_->pings, 1) << "asked before it was judged";
  EXPECT_FALSE(goes_to(*first_, *second_, here, 8));
  // Shard 1 is told by mail: until then its requests may go to the first one.
  EXPECT_TRUE(world_->until([&] {
    EXPECT_TRUE(there.send(8));
    second_->read();
    return !second_->requests.empty();
  }));

  first_->pong();
  ASSERT_TRUE(until_ejected(kFirst, false));
  EXPECT_TRUE(goes_to(*first_, *second_, here, 9));
  // What waited for it was answered by nobody else, and not given up.
  std::multiset<std::uint32_t> answered;
  while (!answered.contains(7)) answered.insert(receive(there.socket).header.sequence());
  EXPECT_EQ(answered.count(7), 1U);
  EXPECT_EQ(world_->count(GatewayCounter::kAnswerTimeouts), 0U);
  EXPECT_GE(world_->count(GatewayCounter::kEjections), 1U);
}

TEST_F(Eject, OneThatAnswersPingsMayTakeItsTime) {
  start(options(4000));
  const WorldClient client = client_of(*first_, *second_, 0);
  for (std::uint32_t sequence = 7; sequence < 9; ++sequence) {
    EXPECT_TRUE(client.send(sequence));
    EXPECT_TRUE(world_->until([&] {
      first_->read();
      return first_->pings > 0;
    }));
    first_->pong();
  }
  // Longer than EjectAfter since the first of them; both are answered at last.
  first_->serve();
  EXPECT_EQ(receive(client.socket).header.status(), pkt::Success);
  EXPECT_EQ(receive(client.socket).header.status(), pkt::Success);
  EXPECT_EQ(last(kFirst), nullptr);
}

// There are services whose pong would spoil the answer that they are just writing.
TEST_F(Eject, OneThatMustNotBePingedIsJudgedByItsAnswersAlone) {
  start(options(500));
  CatalogueEntry first = entry(kFirst, "echo01");
  first.may_be_pinged = false;
  world_->publish({first, entry(kSecond, "echo02"), test::login_entry()});
  const WorldClient client = client_of(*first_, *second_, 0);
  EXPECT_TRUE(client.send(7));
  ASSERT_TRUE(until_ejected(kFirst, true));
  EXPECT_TRUE(client.send(8));
  EXPECT_TRUE(world_->until([&] {
    second_->read();
    return !second_->requests.empty();
  }));
  second_->serve();
  EXPECT_EQ(receive(client.socket).header.sequence(), 8U);
  first_->read();
  EXPECT_EQ(first_->pings, 0);
  first_->serve();
  EXPECT_EQ(receive(client.socket).header.sequence(), 7U);
  ASSERT_TRUE(until_ejected(kFirst, false)) << "its answer has come";
}

TEST_F(Eject, WhereNobodyAnswersNobodyIsLeftOut) {
  start(options(200));
  const WorldClient client = client_of(*first_, *second_, 0);
  EXPECT_TRUE(client.send(7));
  ASSERT_TRUE(until_ejected(kFirst, true, false));
  EXPECT_TRUE(client.send(8));  // to the second, which is silent too
  ASSERT_TRUE(until_ejected(kSecond, true, false));
  first_->read();
  first_->requests.clear();
  EXPECT_TRUE(world_->until([&] {
    EXPECT_TRUE(client.send(9));  // the second's shard has to tell this one first
    first_->read();
    return !first_->requests.empty();
  })) << "as before";
}

TEST_F(Eject, ANewLinkOfASilentOneHasToSaySomethingFirst) {
  start(options(1000));
  const WorldClient client = client_of(*first_, *second_, 0);
  EXPECT_TRUE(client.send(7));
  ASSERT_TRUE(until_ejected(kFirst, true));
  first_->link.close();
  EXPECT_TRUE(world_->until([&] { return !world_->closed.empty(); }));
  EXPECT_EQ(receive(client.socket).header.status(), pkt::SystemException);
  first_.emplace(EchoPeer{world_->link(kFirst, 0)});
  EXPECT_TRUE(world_->until([&] {
    first_->read();
    return first_->pings > 0;
  })) << "at once, not after a heartbeat";
  EXPECT_FALSE(goes_to(*first_, *second_, client, 8)) << "connected is not answering";
  // A pong in the millisecond of the ping is none yet: it is pinged again.
  EXPECT_TRUE(world_->until([&] {
    first_->read();
    first_->pong();
    return last(kFirst)->ejected == 0;
  }));
  EXPECT_TRUE(goes_to(*first_, *second_, client, 9));
}

TEST_F(Eject, AShardWithALinkOfItsOwnJudgesForItself) {
  start(options(1000), 0, 1);
  EchoPeer second_of_0{world_->link(kSecond, 0, 0)};
  EchoPeer first_of_1{world_->link(kFirst, 1, 1)};
  const WorldClient here = client_of(*first_, second_of_0, 0);
  const WorldClient there = client_of(first_of_1, *second_, 1);
  EXPECT_TRUE(here.send(7));
  ASSERT_TRUE(until_ejected(kFirst, true));
  EXPECT_FALSE(goes_to(*first_, second_of_0, here, 8));
  EXPECT_TRUE(goes_to(first_of_1, *second_, there, 8)) << "its own link is well";
}

TEST_F(Eject, AReloadCanEndIt) {
  start(options(200));
  const WorldClient client = client_of(*first_, *second_, 0);
  EXPECT_TRUE(client.send(7));
  ASSERT_TRUE(until_ejected(kFirst, true));
  GatewaySettings never;
  never.options = world_->options.gateway;
  never.shard = world_->options.shards.shard;
  never.upgrades.resize(1);
  never.options.eject_after_ms = 0;
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    world_->group->post(shard, kMailReconfigure, ReconfigureMail{&never});
  }
  EXPECT_TRUE(until_ejected(kFirst, false));
}

// It reads, and answers pings, and that is all.
TEST_F(Eject, AMuteInstanceIsLeftOutWhileAnotherAnswers) {
  start(options(4000, 300));
  const WorldClient client = client_of(*first_, *second_, 0);
  const WorldClient other = client_of(*second_, *first_, 0);
  std::uint32_t sequence = 100;
  ASSERT_TRUE(world_->until([&] {
    first_->read();
    first_->pong();
    second_->serve();
    EXPECT_TRUE(client.send(++sequence));
    EXPECT_TRUE(other.send(sequence));
    for (const WorldClient* const one : {&client, &other}) {
      while (test::readable(one->socket.fd(), 0)) EXPECT_FALSE(receive(one->socket).ended);
    }
    return last(kFirst) != nullptr;
  }));
  EXPECT_EQ(last(kFirst)->reason, EjectReason::kMute);
  EXPECT_GE(world_->count(0, GatewayCounter::kAnswerTimeouts), 3U);
  first_->serve();  // late, but answers
  EXPECT_TRUE(until_ejected(kFirst, false));
}

}  // namespace
}  // namespace ringgate
