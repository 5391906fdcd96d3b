#include "dataplane/switchboard.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

namespace ringgate {
namespace {

constexpr MailKind kNumber = 100;

void wake(int fd) {
  const std::uint64_t one = 1;
  ASSERT_EQ(write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
}

void send_number(Switchboard& board, std::uint32_t from, std::uint32_t to, std::uint64_t number) {
  std::uint8_t* const room = board.box(from, to).reserve(kNumber, sizeof number, Urgency::kData);
  ASSERT_NE(room, nullptr);
  std::memcpy(room, &number, sizeof number);
  if (board.publish(from, to)) wake(board.wake_fd(to));
}

// Blocks until the endpoint is woken; false when nobody woke it for far too long.
bool sleep_until_woken(Switchboard& board, std::uint32_t endpoint) {
  if (!board.prepare_sleep(endpoint)) return true;
  pollfd ready{board.wake_fd(endpoint), POLLIN, 0};
  const bool woken = poll(&ready, 1, 20'000) == 1;
  board.awake(endpoint);
  if (!woken) return false;
  std::uint64_t count = 0;
  return read(ready.fd, &count, sizeof count) == static_cast<ssize_t>(sizeof count);
}

// Answers every number until `last` has come; what it has seen is in order.
void play(Switchboard& board, std::uint32_t self, std::uint32_t other, std::uint64_t last,
          std::atomic<bool>& lost) {
  std::uint64_t seen = 0;
  while (seen < last && !lost) {
    const std::size_t messages =
        board.drain(self, [&](std::uint32_t from, MailKind kind, ByteView message) {
          EXPECT_EQ(from, other);
          EXPECT_EQ(kind, kNumber);
          std::uint64_t number = 0;
          std::memcpy(&number, message.data(), sizeof number);
          EXPECT_EQ(number, seen + 1);
          seen = number;
        });
    if (messages != 0) {
      send_number(board, self, other, seen);
    } else if (!sleep_until_woken(board, self)) {
      lost = true;
    }
  }
}

TEST(Switchboard, NoWakeUpIsLost) {
  constexpr std::uint64_t kRounds = 50'000;
  auto board = Switchboard::create(2, 0, 4096);
  ASSERT_TRUE(board);
  std::atomic<bool> lost = false;
  std::thread answering([&] { play(**board, 1, 0, kRounds, lost); });
  for (std::uint64_t round = 1; round <= kRounds && !lost; ++round) {
    send_number(**board, 0, 1, round);
    bool answered = false;
    while (!answered && !lost) {
      answered = (*board)->drain(0, [&](std::uint32_t, MailKind, ByteView message) {
        std::uint64_t number = 0;
        std::memcpy(&number, message.data(), sizeof number);
        EXPECT_EQ(number, round);
      }) != 0;
      if (!answered && !sleep_until_woken(**board, 0)) lost = true;
    }
  }
  answering.join();
  EXPECT_FALSE(lost) << "a thread slept although there was mail for it";
}

TEST(Switchboard, OnlyASleeperIsWokenAndOnlyOnce) {
  auto board = Switchboard::create(1, 1, 4096);
  ASSERT_TRUE(board);
  Switchboard& it = **board;
  const std::uint32_t control = it.control();
  const auto post = [&](std::uint32_t from) {
    EXPECT_NE(it.box(from, 0).reserve(kNumber, 1, Urgency::kData), nullptr);
    return it.publish(from, 0);
  };
  EXPECT_FALSE(post(control)) << "it is awake";
  EXPECT_FALSE(it.prepare_sleep(0)) << "there is mail";
  EXPECT_EQ(it.drain(0, [](std::uint32_t, MailKind, ByteView) {}), 1U);
  EXPECT_TRUE(it.prepare_sleep(0));
  EXPECT_TRUE(post(control));
  EXPECT_FALSE(post(it.extra(0))) << "it has been woken already";
  it.awake(0);
  EXPECT_FALSE(it.publish(control, 0)) << "nothing new";
  std::vector<std::uint32_t> senders;
  it.drain(0, [&](std::uint32_t from, MailKind, ByteView) { senders.push_back(from); });
  EXPECT_EQ(senders, (std::vector{control, it.extra(0)}));
}

}  // namespace
}  // namespace ringgate
