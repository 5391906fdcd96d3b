#include "dataplane/mail_sender.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "tests/dataplane/seeded.h"

namespace ringgate {
namespace {

constexpr MailKind kKind = 70;
constexpr std::size_t kMailboxBytes = 4096;

// Endpoint 0 sends; the test reads for all others.
struct Endpoints {
  explicit Endpoints(std::uint32_t readers)
      : board(std::move(*Switchboard::create(readers, 0, kMailboxBytes))), sender(*board, 0) {}

  void send(std::uint32_t to, std::uint32_t number, std::size_t more_bytes = 0) {
    std::vector<std::uint8_t> message(sizeof number + more_bytes);
    std::memcpy(message.data(), &number, sizeof number);
    sender.send(to, kKind, message);
  }
  // Numbers from 0 until one has to wait; how many there were.
  std::uint32_t fill(std::uint32_t to) {
    std::uint32_t number = 0;
    while (!sender.is_waiting()) send(to, number++);
    return number;
  }
  std::vector<std::uint32_t> read(std::uint32_t at) {
    std::vector<std::uint32_t> numbers;
    board->drain(at, [&](std::uint32_t, MailKind kind, ByteView message) {
      EXPECT_EQ(kind, kKind);
      std::memcpy(&numbers.emplace_back(), message.data(), sizeof(std::uint32_t));
    });
    return numbers;
  }

  std::unique_ptr<Switchboard> board;
  MailSender sender;
};

TEST(MailSender, AFullMailboxDoesNotHoldUpTheOthers) {
  Endpoints mail(3);
  mail.fill(1);
  mail.send(2, 5);
  mail.send(3, 6);
  EXPECT_NE(mail.sender.reserve(2, kKind, 4, Urgency::kData), nullptr);
  EXPECT_EQ(mail.sender.reserve(1, kKind, 4, Urgency::kData), nullptr);
  mail.sender.flush();
  EXPECT_EQ(mail.read(2).size(), 2U);
  EXPECT_EQ(mail.read(3), std::vector<std::uint32_t>{6});
  EXPECT_TRUE(mail.sender.is_waiting()) << "nobody has read the full one";
}

TEST(MailSender, WhatWaitsGoesInOrderAndNothingOvertakesIt) {
  Endpoints mail(2);
  std::uint32_t sent = mail.fill(1);
  mail.send(1, sent++, 2000);  // by pointer
  mail.send(1, sent++);
  mail.sender.flush();
  std::vector<std::uint32_t> got = mail.read(1);
  ASSERT_EQ(got.size(), sent - 3);
  // Room by now, but what waits is first.
  mail.send(1, sent++);
  std::uint8_t* const room = mail.sender.reserve(1, kKind, sizeof sent, Urgency::kControl);
  ASSERT_NE(room, nullptr);
  std::memcpy(room, &sent, sizeof sent);
  ++sent;
  const MailSender::Flushed flushed = mail.sender.flush();
  EXPECT_EQ(flushed.written, 5U);
  EXPECT_EQ(mail.sender.waiting_bytes(), 0U);
  for (const std::uint32_t number : mail.read(1)) got.push_back(number);
  ASSERT_EQ(got.size(), sent);
  for (std::uint32_t i = 0; i < sent; ++i) EXPECT_EQ(got[i], i);
}

TEST(MailSender, TellsTheMemoryOfWhatWaits) {
  Endpoints mail(2);
  mail.fill(1);
  const std::uint64_t one = mail.sender.waiting_bytes();
  mail.send(1, 0, 100'000);
  EXPECT_GE(mail.sender.waiting_bytes(), one + 100'000);
  mail.sender.flush();
  mail.read(1);
  mail.sender.flush();
  EXPECT_EQ(mail.sender.waiting_bytes(), 0U);
  EXPECT_FALSE(mail.sender.is_waiting());
}

TEST(MailSender, WhatWaitsForAReaderThatHasEndedIsHandedOutOnce) {
  Endpoints mail(2);
  const std::uint32_t last = mail.fill(1) - 1;
  std::vector<std::uint32_t> left;
  const auto take = [&](MailKind, ByteView message) {
    std::memcpy(&left.emplace_back(), message.data(), sizeof(std::uint32_t));
  };
  mail.sender.discard(take);
  mail.sender.discard(take);
  EXPECT_EQ(left, std::vector{last});
  EXPECT_EQ(mail.sender.waiting_bytes(), 0U);
}

// Whatever is sent and read in any order: each reader gets all of its own, in order.
TEST(MailSender, EveryReaderGetsItsOwnInOrder) {
  test::for_each_seed(40, [](std::uint64_t seed) {
    test::Random random(seed);
    constexpr std::uint32_t kReaders = 4;  // 1, 2, 3, and control
    Endpoints mail(kReaders - 1);
    std::vector<std::uint32_t> sent(kReaders, 0);
    std::vector<std::uint32_t> read(kReaders, 0);
    const auto take = [&](std::uint32_t at) {
      for (const std::uint32_t number : mail.read(at)) ASSERT_EQ(number, read[at]++);
    };
    for (int step = 0; step < 3000; ++step) {
      const auto to = 1 + static_cast<std::uint32_t>(random.below(kReaders - 1));
      if (random.one_in(30)) {
        take(to);
      } else if (random.one_in(10)) {
        mail.sender.flush();
      } else {
        mail.send(to, sent[to]++, random.one_in(50) ? 3000 : random.size(200));
      }
      if (testing::Test::HasFailure()) return;
    }
    for (int round = 0; round < 1000 && mail.sender.is_waiting(); ++round) {
      mail.sender.flush();
      for (std::uint32_t at = 1; at < kReaders; ++at) take(at);
    }
    mail.sender.flush();
    for (std::uint32_t at = 1; at < kReaders; ++at) take(at);
    EXPECT_EQ(read, sent);
  });
}

}  // namespace
}  // namespace ringgate
