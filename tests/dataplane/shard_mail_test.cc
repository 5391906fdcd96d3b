// A shard's mail: what is counted, and what becomes of it in the end.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>

#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakeShard;

constexpr MailBytes kSomething{kShardMail.next(1)[0]};

std::size_t read_control(FakeShard& world) {
  return world.board->drain(world.board->control(), [](std::uint32_t, MailKind, ByteView) {});
}

TEST(ShardMail, WaitingIsNoDropAndEachMessageIsCountedOnce) {
  FakeShard world(1);
  const Counters& counters = world.shard.counters();
  const std::vector<std::uint8_t> message(1000);
  constexpr std::uint64_t kMessages = 200;  // of 64 KiB
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    world.shard.mail_surely(world.shard.control(), kSomething, ByteView(message));
  }
  for (int turn = 0; turn < 10; ++turn) world.turn(0);
  EXPECT_LT(counters.get(Counter::kMailOut), kMessages);
  EXPECT_GT(counters.get(Gauge::kMailWaitingBytes), 100'000U);
  std::size_t read = 0;
  EXPECT_TRUE(world.turn_until([&] { return (read += read_control(world)) == kMessages; }, 0));
  world.turn(0);
  EXPECT_EQ(counters.get(Counter::kMailOut), kMessages);
  EXPECT_EQ(counters.get(Counter::kMailFull), 0U);
  EXPECT_EQ(counters.get(Gauge::kMailWaitingBytes), 0U);
}

TEST(ShardMail, WhatMayBeDroppedIsCountedWhenItIs) {
  FakeShard world(1);
  std::uint64_t written = 0;
  while (world.shard.mail(world.shard.control(), kSomething, 1000) != nullptr) ++written;
  world.turn(0);
  EXPECT_EQ(world.shard.counters().get(Counter::kMailOut), written);
  EXPECT_EQ(world.shard.counters().get(Counter::kMailFull), 1U);
  read_control(world);
}

// A socket on its way to a shard that ends is closed, wherever it was.
TEST(ShardMail, SocketsInMailThatNobodyReadsAreClosed) {
  FakeShard world(1);
  const std::uint32_t control = world.shard.control();
  const std::vector<std::uint8_t> filler(1000);
  std::vector<int> peers;
  for (int i = 0; i < 20; ++i) {
    std::array<int, 2> pair{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    peers.push_back(pair[1]);
    world.shard.mail_surely(control, kMailAdopt, AdoptMail{pair[0], 1, PeerAddress(), {}});
    // The first few are in the mailbox, the rest wait.
    for (int more = 0; more < 10; ++more) {
      world.shard.mail_surely(control, kSomething, ByteView(filler));
    }
  }
  world.turn(0);
  ASSERT_GT(world.shard.counters().get(Gauge::kMailWaitingBytes), 0U);
  world.shard.discard_mail();
  world.board->drain(control, [](std::uint32_t, MailKind kind, ByteView message) {
    Shard::discard(kind, message);
  });
  for (const int peer : peers) {
    char byte = 0;
    EXPECT_EQ(recv(peer, &byte, 1, MSG_DONTWAIT), 0) << "its other side is still open";
    close(peer);
  }
}

// Of the shard's own range, and of the handler's.
TEST(ShardMail, OfAnUnknownKindIsCountedAndTheShardGoesOn) {
  FakeShard world(1);
  world.post(kShardMail.first + kShardMail.count - 1, as_bytes("what"));
  world.post(kMailHandler + 900, as_bytes("who"));
  world.turn(0);
  EXPECT_EQ(world.shard.counters().get(Counter::kMailUnknown), 2U);
  EXPECT_EQ(world.shard.unknown_mail().count(), 2U);
  EXPECT_EQ(world.shard.unknown_mail().kind(), kShardMail.first + kShardMail.count - 1);
  EXPECT_EQ(world.shard.unknown_mail().from(), world.shard.control());
  world.adopt();
  EXPECT_EQ(world.shard.table().links(), 1U);
}

#ifndef NDEBUG
TEST(ShardThreadDeathTest, AnotherThreadMayNotUseAShard) {
  FakeShard world(1);
  const auto elsewhere = [](const std::function<void()>& use) { std::thread(use).join(); };
  EXPECT_DEATH(elsewhere([&] { static_cast<void>(world.shard.at(0)); }), "is_here");
  EXPECT_DEATH(elsewhere([&] { static_cast<void>(world.shard.pool()); }), "is_here");
  EXPECT_DEATH(elsewhere([&] { world.shard.mail_surely(1, kSomething, as_bytes("x")); }),
               "is_here");
  elsewhere([&] { EXPECT_EQ(world.shard.unknown_mail().count(), 0U); });
}
#endif

}  // namespace
}  // namespace ringgate
