// A giver and a taker of listening sockets, on one loop, over a real socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "services/process/handover/clash.h"
#include "services/process/handover/giver.h"
#include "services/process/handover/message.h"
#include "services/process/handover/taker.h"
#include "tests/common/wait_readable.h"

namespace ringgate::handover {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(NextGatewayId, IsItsOwnUnlessTheOldOneHasIt) {
  EXPECT_EQ(next_gateway_id("g2", {"g1", "g1", true, {}}), "g2");
  EXPECT_EQ(next_gateway_id("g1", {"g1", "g1", true, {}}), "g1--1");
  EXPECT_EQ(next_gateway_id("g1", {"g1", "g1--1", true, {}}), "g1--2");
  EXPECT_EQ(next_gateway_id("g1", {"g1", "g1--99", true, {}}), "g1");
  EXPECT_EQ(next_gateway_id("g1", {"g1", "g1--odd", true, {}}), "g1--1");
  EXPECT_EQ(next_gateway_id(std::string(64, 'a'), {std::string(64, 'a'), "a", true, {}}), "");
}

// The giver's loop runs on a thread of its own, as in another process.
class Handover : public testing::Test {
 protected:
  Handover() : loop_(std::move(*ControlLoop::create())) {
    giver_ = std::make_unique<Giver>(*loop_, Giver::Handlers{[this] { return offer(); },
                                                             [this](const Going& going) {
                                                               process_ = going.process;
                                                               id_ = going.service_id;
                                                               taken_ = going.taken;
                                                               going.gone();
                                                             }});
    giver_->listen({address_});
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~Handover() override { end(); }
  void end() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
  }
  static UniqueFd socket_of_ours() { return UniqueFd(socket(AF_INET, SOCK_STREAM, 0)); }
  [[nodiscard]] Offer offer() const {
    Offer all{"g1", "g1--3", true, {}};
    Sockets many{"127.0.0.1:1", {}};
    for (std::size_t i = 0; i < kMany; ++i) many.copies.push_back(socket_of_ours());
    all.sockets.push_back(std::move(many));
    all.sockets.push_back({"http 127.0.0.1:2", {}});
    all.sockets.back().copies.push_back(socket_of_ours());
    return all;
  }

  static constexpr std::size_t kMany = kMaxFiles + 50;  // more than a message holds
  const std::string address_ = "127.0.0.1:handover-test-" + std::to_string(getpid());
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<Giver> giver_;
  std::thread thread_;
  int process_ = 0;  // the giver's thread; read after end()
  std::string id_;
  std::set<std::string> taken_;
};

TEST_F(Handover, EverySocketArrives) {
  Result<std::unique_ptr<Taker>> taker = Taker::begin({"127.0.0.1:nobody", address_});
  ASSERT_TRUE(taker) << taker.error().message;
  ASSERT_NE(*taker, nullptr);
  EXPECT_EQ((*taker)->offer().service_id, "g1");
  EXPECT_EQ((*taker)->offer().gateway_id, "g1--3");
  EXPECT_TRUE((*taker)->offer().ready);
  EXPECT_EQ((*taker)->process(), getpid());
  const std::vector<int> sockets = (*taker)->take("127.0.0.1:1");
  EXPECT_EQ(sockets.size(), kMany);
  for (const int one : sockets) EXPECT_EQ(close(one), 0);
  EXPECT_THAT((*taker)->take("127.0.0.1:1"), IsEmpty()) << "they are gone";
  EXPECT_THAT((*taker)->take("127.0.0.1:9"), IsEmpty());
}

TEST_F(Handover, TheOtherGoesOnceItIsToldTo) {
  Result<std::unique_ptr<Taker>> taker = Taker::begin({address_});
  ASSERT_TRUE(taker && *taker != nullptr);
  const std::unique_ptr<ControlLoop> loop = std::move(*ControlLoop::create());
  std::vector<int> calls;
  (*taker)->when_gone([&] { calls.push_back(1); });
  (*taker)->when_gone([&] {
    calls.push_back(2);
    loop->stop();
  });
  EXPECT_FALSE((*taker)->is_gone());
  for (const int one : (*taker)->take("http 127.0.0.1:2")) EXPECT_EQ(close(one), 0);
  (*taker)->watch(*loop, [] {});
  (*taker)->go("g2");
  loop->run();
  EXPECT_TRUE((*taker)->is_gone());
  EXPECT_THAT(calls, ElementsAre(1, 2));
  end();
  EXPECT_EQ(process_, getpid());
  EXPECT_EQ(id_, "g2");
  EXPECT_THAT(taken_, ElementsAre("http 127.0.0.1:2"));
  EXPECT_EQ(*Taker::begin({address_}), nullptr) << "it gives once";
}

// The process that has taken over lives for long, and may be taken over itself.
TEST(TakerTest, KeepsNoDescriptorOnceTheOtherHasGone) {
  const std::string address = "127.0.0.1:taker-test-" + std::to_string(getpid());
  const Result<UniqueFd> listener = listen_for(address);
  ASSERT_TRUE(listener);
  UniqueFd accepted;
  std::thread giver([&] {
    if (!test::wait_readable(listener->get())) return;
    accepted = UniqueFd(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    static_cast<void>(send(accepted.get(), "offer g1 g1 ready"));
    static_cast<void>(send(accepted.get(), "gone"));
  });
  Result<std::unique_ptr<Taker>> taker = Taker::begin({address});
  giver.join();
  ASSERT_TRUE(taker && *taker != nullptr);
  const std::unique_ptr<ControlLoop> loop = std::move(*ControlLoop::create());
  (*taker)->when_gone([&] { loop->stop(); });
  (*taker)->watch(*loop, [] {});
  (*taker)->go("g2");
  loop->run();
  ASSERT_TRUE((*taker)->is_gone());
  Message message;
  Received what = Received::kMessage;
  while (what == Received::kMessage && test::wait_readable(accepted.get())) {
    what = receive(accepted.get(), message);
  }
  EXPECT_EQ(what, Received::kEnd);
}

TEST_F(Handover, ThereIsOneTakerAtATime) {
  Result<std::unique_ptr<Taker>> taker = Taker::begin({address_});
  ASSERT_TRUE(taker && *taker != nullptr);
  const Result<std::unique_ptr<Taker>> second = Taker::begin({address_});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another process takes over just now"));
}

TEST_F(Handover, OneThatIsNotThereAnyMoreHasGone) {
  Result<std::unique_ptr<Taker>> taker = Taker::begin({address_});
  ASSERT_TRUE(taker && *taker != nullptr);
  end();
  giver_.reset();
  const std::unique_ptr<ControlLoop> loop = std::move(*ControlLoop::create());
  (*taker)->when_gone([&] { loop->stop(); });
  loop->post([&] {
    (*taker)->watch(*loop, [] {});
    (*taker)->go("g2");
  });
  loop->run();
  EXPECT_TRUE((*taker)->is_gone());
}

TEST(TakerTest, NoticesAnEndBeforeItHasAskedForIt) {
  const std::string address = "127.0.0.1:taker-test-" + std::to_string(getpid());
  const Result<UniqueFd> listener = listen_for(address);
  ASSERT_TRUE(listener);
  std::thread giver([&] {
    if (!test::wait_readable(listener->get())) return;
    const UniqueFd accepted(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    Message message;
    while (receive(accepted.get(), message) == Received::kNothingYet) {
    }
    static_cast<void>(send(accepted.get(), "offer g1 g1 ready took"));
    static_cast<void>(send(accepted.get(), "draining"));
  });
  const std::unique_ptr<ControlLoop> loop = std::move(*ControlLoop::create());
  Result<std::unique_ptr<Taker>> taker = Taker::begin({address});
  giver.join();
  ASSERT_TRUE(taker && *taker != nullptr);
  EXPECT_TRUE((*taker)->offer().ready);
  bool is_told = false;
  (*taker)->watch(*loop, [&] {
    is_told = true;
    EXPECT_FALSE((*taker)->is_gone());
  });
  (*taker)->when_gone([&] { loop->stop(); });
  loop->run();
  EXPECT_TRUE(is_told);
  EXPECT_TRUE((*taker)->is_gone());
  EXPECT_FALSE((*taker)->offer().ready);
}

TEST(Clash, IsWithAllAddressesOfThePort) {
  Offer offer{"g1", "g1", true, {}};
  offer.sockets.push_back({"127.0.0.1:1", {}});
  EXPECT_TRUE(clash_of({"127.0.0.1:2", "[::]:1"}, offer));
  EXPECT_FALSE(clash_of({"127.0.0.1:1", "10.0.0.1:1", "[::]:2", "unix:/a:1"}, offer));
  EXPECT_THAT(neighbours_of({"127.0.0.1:1"}), ElementsAre("[::]:1", "0.0.0.0:1"));
}

TEST_F(Handover, WhatIsNoRequestEndsTheConnection) {
  Result<UniqueFd> socket = connect_to(address_);
  ASSERT_TRUE(socket && *socket);
  ASSERT_TRUE(send(socket->get(), "give me everything"));
  Message message;
  EXPECT_EQ(receive(socket->get(), message), Received::kEnd);
}

}  // namespace
}  // namespace ringgate::handover
