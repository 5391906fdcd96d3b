#include "services/gateway/upstreams/outstanding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <string>

#include "tests/dataplane/seeded.h"

namespace ringgate {
namespace {

using test::Random;

struct Entry {
  std::uint32_t slot;
  std::uint32_t login;
  std::uint32_t sequence;
  std::string command;
  std::uint32_t sent_ms;
};

class Model {
 public:
  Model(std::uint64_t seed, std::uint32_t max, std::uint32_t now_ms)
      : random_(seed), max_(max), table_(max), now_ms_(now_ms) {}

  void step() {
    now_ms_ += static_cast<std::uint32_t>(random_.below(20));
    switch (random_.below(8)) {
      case 0:
        expire();
        break;
      case 1:
      case 2:
      case 3:
        retire();
        break;
      default:
        add();
    }
    if (random_.one_in(300)) fail_all();
    ASSERT_EQ(table_.size(), entries_.size());
  }

 private:
  void add() {
    // Few logins and sequences, so that there are duplicates.
    const Entry entry{static_cast<std::uint32_t>(random_.below(1000)),
                      static_cast<std::uint32_t>(random_.below(5)),
                      static_cast<std::uint32_t>(random_.below(6)),
                      std::string(random_.below(40), 'c'), now_ms_};
    const bool added =
        table_.add({entry.slot, entry.login, entry.sequence, entry.command}, now_ms_);
    ASSERT_EQ(added, entries_.size() < max_);
    if (added) entries_.push_back(entry);
  }
  void retire() {
    const auto login = static_cast<std::uint32_t>(random_.below(5));
    const auto sequence = static_cast<std::uint32_t>(random_.below(6));
    const auto oldest = std::ranges::find_if(entries_, [&](const Entry& entry) {
      return entry.login == login && entry.sequence == sequence;
    });
    ASSERT_EQ(table_.retire(login, sequence).has_value(), oldest != entries_.end());
    if (oldest != entries_.end()) entries_.erase(oldest);
  }
  void expect_oldest(const OutstandingRequest& request) {
    ASSERT_FALSE(entries_.empty());
    const Entry& oldest = entries_.front();
    EXPECT_EQ(request.slot, oldest.slot);
    EXPECT_EQ(request.login, oldest.login);
    EXPECT_EQ(request.sequence, oldest.sequence);
    const bool kept = oldest.command.size() <= OutstandingTable::kCommandBytes;
    EXPECT_EQ(request.command, kept ? oldest.command : "");
    entries_.pop_front();
  }
  void expire() {
    const std::uint32_t timeout_ms = 300;
    table_.expire(now_ms_, timeout_ms, [&](const OutstandingRequest& request) {
      ASSERT_GT(now_ms_ - entries_.front().sent_ms, timeout_ms);
      expect_oldest(request);
    });
    if (!entries_.empty()) {
      ASSERT_LE(now_ms_ - entries_.front().sent_ms, timeout_ms);
    }
  }
  void fail_all() {
    table_.fail_all([&](const OutstandingRequest& request) { expect_oldest(request); });
    ASSERT_TRUE(entries_.empty());
  }

  Random random_;
  std::uint32_t max_;
  OutstandingTable table_;
  std::list<Entry> entries_;
  std::uint32_t now_ms_;
};

TEST(OutstandingTable, IsItsModel) {
  test::for_each_seed(40, [](std::uint64_t seed) {
    Model model(seed, static_cast<std::uint32_t>(1 + seed % 50),
                seed % 2 == 0 ? 1 : 0xFFFF'F000u);  // the clock wraps
    for (int i = 0; i < 2000 && !testing::Test::HasFailure(); ++i) model.step();
  });
}

TEST(OutstandingTable, OfTwoEqualRequestsTheOldestIsRetired) {
  OutstandingTable table(10);
  ASSERT_TRUE(table.add({1, 7, 3, "first"}, 0));
  ASSERT_TRUE(table.add({2, 7, 3, "second"}, 0));
  ASSERT_TRUE(table.retire(7, 3));
  table.fail_all([](const OutstandingRequest& left) { EXPECT_EQ(left.command, "second"); });
  EXPECT_FALSE(table.retire(7, 3));
}

TEST(OutstandingTable, AFullTableSaysSoAndTakesMoreAfterwards) {
  OutstandingTable table(2);
  EXPECT_TRUE(table.add({1, 1, 1, "a"}, 0));
  EXPECT_TRUE(table.add({1, 1, 2, "a"}, 0));
  EXPECT_FALSE(table.add({1, 1, 3, "a"}, 0));
  EXPECT_TRUE(table.retire(1, 1));
  EXPECT_TRUE(table.add({1, 1, 3, "a"}, 0));
  EXPECT_EQ(table.size(), 2U);
}

TEST(OutstandingTable, MoreMayBeAddedWhileAllFail) {
  OutstandingTable table(4);
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(table.add({i, i, i, "x"}, 0));
  std::uint32_t calls = 0;
  table.fail_all([&](const OutstandingRequest& request) {
    ++calls;
    EXPECT_TRUE(table.add({9, 9, request.sequence, "retry"}, 1));
  });
  EXPECT_EQ(calls, 4U);
  EXPECT_EQ(table.size(), 4U);
}

// An answer that comes in the middle retires one that would have been next.
TEST(OutstandingTable, OthersMayBeRetiredWhileAllFail) {
  OutstandingTable table(4);
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(table.add({i, i, i, "x"}, 0));
  std::uint32_t calls = 0;
  table.fail_all([&](const OutstandingRequest& request) {
    ++calls;
    EXPECT_TRUE(table.retire(request.login + 1, request.sequence + 1));
  });
  EXPECT_EQ(calls, 2U);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(table.add({1, 1, 1, "y"}, 0));
}

}  // namespace
}  // namespace ringgate
