#include "dataplane/mailbox.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/dataplane/seeded.h"

namespace ringgate {
namespace {

using test::Random;

constexpr Urgency kData = Urgency::kData;
constexpr Urgency kControl = Urgency::kControl;

struct Message {
  MailKind kind;
  std::vector<std::uint8_t> bytes;
};

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed), mailbox_(random_.between(1, 60'000)) {}

  void step() {
    if (random_.one_in(200)) trim();
    // Now and then nobody reads for a while, so that it grows.
    if (random_.one_in(100)) reads_ = !reads_;
    switch (random_.below(5)) {
      case 0:
        if (reads_) drain();
        break;
      case 1:
        publish();
        break;
      default:
        write();
    }
  }
  void drain() {
    ASSERT_EQ(mailbox_.ready(), !visible_.empty());
    const std::size_t count = visible_.size();
    const std::size_t taken = mailbox_.drain([&](MailKind kind, ByteView bytes) {
      ASSERT_FALSE(visible_.empty());
      EXPECT_EQ(kind, visible_.front().kind);
      EXPECT_TRUE(std::ranges::equal(bytes, visible_.front().bytes));
      visible_.pop_front();
    });
    ASSERT_EQ(taken, count);
    ASSERT_TRUE(visible_.empty());
  }
  void trim() {
    publish();
    drain();
    mailbox_.trim();
    mailbox_.trim();  // nothing was carried between them
    EXPECT_LE(mailbox_.memory_bytes(), Mailbox::kFirstBytes);
    mailbox_.publish();
    EXPECT_EQ(mailbox_.drain([](MailKind, ByteView) {}), 0U);
  }
  void publish() {
    ASSERT_EQ(mailbox_.publish(), !hidden_.empty());
    for (Message& message : hidden_) visible_.push_back(std::move(message));
    hidden_.clear();
  }

 private:
  void write() {
    Message message{static_cast<MailKind>(random_.below(100)), {}};
    // Around the size from which a message travels by pointer, too.
    message.bytes.resize(random_.one_in(5) ? random_.below(mailbox_.capacity_bytes() / 4)
                                           : random_.size(300));
    std::iota(message.bytes.begin(), message.bytes.end(), random_.byte());
    std::uint8_t* const to =
        mailbox_.reserve(message.kind, message.bytes.size(), random_.one_in(2) ? kData : kControl);
    if (to == nullptr) {
      ASSERT_FALSE(hidden_.empty() && visible_.empty()) << "an empty mailbox has room";
      return;
    }
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(to) % 8, 0U);
    if (!message.bytes.empty()) std::memcpy(to, message.bytes.data(), message.bytes.size());
    hidden_.push_back(std::move(message));
  }

  Random random_;
  Mailbox mailbox_;
  bool reads_ = true;
  std::deque<Message> hidden_;   // written, not published
  std::deque<Message> visible_;  // published, not read
};

TEST(Mailbox, IsItsModel) {
  test::for_each_seed(60, [](std::uint64_t seed) {
    Model model(seed);
    for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) model.step();
    model.publish();
    model.drain();
  });
}

TEST(Mailbox, WhatIsNotPublishedIsNotSeen) {
  Mailbox mailbox(4096);
  ASSERT_NE(mailbox.reserve(1, 10, kData), nullptr);
  EXPECT_FALSE(mailbox.ready());
  EXPECT_TRUE(mailbox.publish());
  EXPECT_TRUE(mailbox.ready());
  EXPECT_FALSE(mailbox.publish());
}

TEST(Mailbox, AFullOneKeepsAPartForControl) {
  Mailbox mailbox(4096);
  std::size_t data = 0;
  while (mailbox.reserve(1, 56, kData) != nullptr) ++data;
  EXPECT_EQ(data, (4096 - 4096 / 8) / 64);
  std::size_t control = 0;
  while (mailbox.reserve(2, 56, kControl) != nullptr) ++control;
  EXPECT_EQ(control, 4096 / 8 / 64);
  mailbox.publish();
  EXPECT_EQ(mailbox.drain([](MailKind, ByteView) {}), data + control);
  EXPECT_NE(mailbox.reserve(1, 56, kData), nullptr);
}

TEST(Mailbox, TakesMemoryWhenItNeedsItAndGivesItBack) {
  constexpr std::size_t kBound = std::size_t{1} << 20;
  Mailbox mailbox(kBound);
  EXPECT_LE(mailbox.memory_bytes(), 1024U) << "many are never written to";
  for (int i = 0; i < 10'000; ++i) {  // some times its memory, but never much at once
    ASSERT_NE(mailbox.reserve(1, 56, kData), nullptr);
    mailbox.publish();
    ASSERT_EQ(mailbox.drain([](MailKind, ByteView) {}), 1U);
  }
  EXPECT_LE(mailbox.memory_bytes(), Mailbox::kFirstBytes);
  std::size_t data = 0;
  while (mailbox.reserve(1, 56, kData) != nullptr) ++data;
  EXPECT_EQ(mailbox.memory_bytes(), kBound);
  EXPECT_GE(data, (kBound - kBound / 8) / 64 - 8) << "but for the records that said so";
  mailbox.publish();
  EXPECT_EQ(mailbox.drain([](MailKind, ByteView) {}), data);
  mailbox.trim();
  EXPECT_EQ(mailbox.memory_bytes(), kBound) << "it has carried much";
  mailbox.trim();
  EXPECT_EQ(mailbox.memory_bytes(), Mailbox::kFirstBytes);
  ASSERT_NE(mailbox.reserve(7, 8, kData), nullptr);
  mailbox.publish();
  MailKind got = 0;
  EXPECT_EQ(mailbox.drain([&](MailKind kind, ByteView) { got = kind; }), 1U);
  EXPECT_EQ(got, 7);
}

TEST(Mailbox, WhatIsUnreadIsNotLeftBehind) {
  Mailbox mailbox(std::size_t{1} << 20);
  for (int i = 0; i < 1000; ++i) ASSERT_NE(mailbox.reserve(1, 56, kData), nullptr);
  mailbox.publish();
  const std::size_t before = mailbox.memory_bytes();
  ASSERT_GT(before, Mailbox::kFirstBytes);
  for (int i = 0; i < 3; ++i) mailbox.trim();
  EXPECT_EQ(mailbox.memory_bytes(), before);
  EXPECT_EQ(mailbox.drain([](MailKind, ByteView) {}), 1000U);
}

TEST(Mailbox, OneMessageAboveTheBoundCrossesAlone) {
  Mailbox mailbox(4096);
  const std::size_t bytes = Mailbox::kMaxLargeBytes + 1;
  for (int round = 0; round < 3; ++round) {
    ASSERT_NE(mailbox.reserve(5, bytes, kData), nullptr);
    EXPECT_EQ(mailbox.reserve(5, 4096, kControl), nullptr) << "by pointer too, and full";
    EXPECT_NE(mailbox.reserve(6, 16, kData), nullptr);
    mailbox.publish();
    EXPECT_EQ(mailbox.drain([](MailKind, ByteView) {}), 2U);
    ASSERT_NE(mailbox.reserve(5, 4096, kData), nullptr);
    EXPECT_EQ(mailbox.reserve(5, bytes, kControl), nullptr) << "not beside another";
    mailbox.publish();
    EXPECT_EQ(mailbox.drain([](MailKind, ByteView) {}), 1U);
  }
}

TEST(Mailbox, LargeMessagesTravelByPointerUpToABound) {
  Mailbox mailbox(4096);
  const std::size_t bytes = Mailbox::kMaxLargeBytes / 4;
  for (int i = 0; i < 4; ++i) {
    std::uint8_t* const to = mailbox.reserve(5, bytes, kControl);
    ASSERT_NE(to, nullptr);
    to[0] = static_cast<std::uint8_t>(i);
    to[bytes - 1] = static_cast<std::uint8_t>(i + 100);
  }
  EXPECT_EQ(mailbox.reserve(5, bytes, kControl), nullptr);
  mailbox.publish();
  int next = 0;
  mailbox.drain([&](MailKind kind, ByteView message) {
    EXPECT_EQ(kind, 5);
    ASSERT_EQ(message.size(), bytes);
    EXPECT_EQ(message.front(), next);
    EXPECT_EQ(message.back(), next + 100);
    ++next;
  });
  EXPECT_EQ(next, 4);
  EXPECT_NE(mailbox.reserve(5, bytes, kControl), nullptr);  // freed by the mailbox: see asan
}

// A deterministic size per number, now and then one that travels by pointer.
std::size_t size_of(std::uint64_t number) {
  if (number % 1009 == 0) return 3000;
  return sizeof number + number * 7 % 90;
}

void write_numbers(Mailbox& mailbox, std::uint64_t count) {
  for (std::uint64_t number = 0; number < count; ++number) {
    std::uint8_t* to = nullptr;
    while ((to = mailbox.reserve(9, size_of(number), kData)) == nullptr) {
      mailbox.publish();
      std::this_thread::yield();
    }
    std::memset(to, static_cast<int>(number & 0xFF), size_of(number));
    std::memcpy(to, &number, sizeof number);
    if (number % 16 == 0) mailbox.publish();
    if (number % 64 == 0) mailbox.trim();
  }
  mailbox.publish();
}

TEST(Mailbox, CarriesAMillionMessagesBetweenTwoThreadsInOrder) {
  constexpr std::uint64_t kCount = 1'000'000;
  Mailbox mailbox(std::size_t{64} * 1024);  // grows and shrinks on the way
  std::thread writer([&] { write_numbers(mailbox, kCount); });
  std::uint64_t next = 0;
  std::uint64_t wrong = 0;
  while (next < kCount) {
    const std::size_t taken = mailbox.drain([&](MailKind, ByteView bytes) {
      std::uint64_t number = 0;
      std::memcpy(&number, bytes.data(), sizeof number);
      const bool last_byte_right =
          bytes.size() == sizeof number || bytes.back() == static_cast<std::uint8_t>(number);
      if (number != next || bytes.size() != size_of(number) || !last_byte_right) ++wrong;
      ++next;
    });
    if (taken == 0) std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_FALSE(mailbox.ready());
}

}  // namespace
}  // namespace ringgate
