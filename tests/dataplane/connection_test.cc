// Carry, ConnectionTable, OpTag and Clock.
#include "dataplane/connection.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <vector>

#include "dataplane/clock.h"
#include "dataplane/connection_table.h"
#include "tests/dataplane/seeded.h"

namespace ringgate {
namespace {

using test::Random;

TEST(Carry, HoldsWhatWasAppendedAndNotDropped) {
  test::for_each_seed(50, [](std::uint64_t seed) {
    Random random(seed);
    BlockPool pool;
    Carry carry;
    std::vector<std::uint8_t> model;
    for (int step = 0; step < 300; ++step) {
      if (random.one_in(3)) {
        const std::size_t bytes = random.between(0, model.size());
        carry.drop_front(pool, bytes);
        model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(bytes));
      } else {
        std::vector<std::uint8_t> bytes(random.size(5000));
        for (std::uint8_t& byte : bytes) byte = random.byte();
        ASSERT_TRUE(carry.append(pool, bytes));
        model.insert(model.end(), bytes.begin(), bytes.end());
      }
      ASSERT_TRUE(std::ranges::equal(carry.view(), model));
      if (model.empty()) {
        ASSERT_EQ(pool.used_bytes(), 0U);
      }
    }
    carry.clear(pool);
    EXPECT_EQ(pool.used_bytes(), 0U);
    EXPECT_TRUE(carry.view().empty());
  });
}

TEST(Carry, TakesNoMoreThanTwiceWhatItHolds) {
  BlockPool pool;
  Carry carry;
  std::size_t held = 0;
  const std::vector<std::uint8_t> bytes(100);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(carry.append(pool, bytes));
    held += bytes.size();
    ASSERT_LE(pool.used_bytes(), held * 5 / 2 + BlockPool::kMinBlockBytes * 2);
  }
  carry.clear(pool);
}

struct OneUser {
  int number = 0;
};
struct OtherUser {};

TEST(ConnectionUser, IsGivenBackAsTheTypeThatItWasSetAs) {
  Connection connection;
  EXPECT_FALSE(connection.has_user());
  EXPECT_EQ(connection.user<OneUser>(), nullptr);
  OneUser one{7};
  connection.set_user(one);
  EXPECT_TRUE(connection.has_user());
  EXPECT_EQ(connection.user<OneUser>(), &one);
  EXPECT_EQ(connection.user<const OneUser>()->number, 7);
  connection.forget_user();
  EXPECT_FALSE(connection.has_user());
  EXPECT_EQ(connection.user<OtherUser>(), nullptr);
  OtherUser other;
  connection.set_user(other);
  EXPECT_EQ(connection.user<OtherUser>(), &other);
}

TEST(ConnectionUser, EachTypeHasAKindOfItsOwn) {
  EXPECT_EQ(user_kind<OneUser>(), user_kind<OneUser>());
  EXPECT_NE(user_kind<OneUser>(), user_kind<OtherUser>());
  EXPECT_NE(user_kind<OneUser>(), 0);
}

TEST(ConnectionUserDeathTest, AnotherTypeIsABug) {
  if (!kUsersAreChecked) GTEST_SKIP() << "not checked in release";
  Connection connection;
  OneUser one;
  connection.set_user(one);
  EXPECT_DEATH(static_cast<void>(connection.user<OtherUser>()), "user_kind");
}

TEST(ConnectionTable, AReusedSlotHasANewGeneration) {
  ConnectionTable table(2, 1);
  Connection& first = table.open_client(1);
  const std::uint32_t generation = first.generation;
  EXPECT_EQ(table.find({1, generation}), &first);
  EXPECT_EQ(table.at(0), nullptr);
  EXPECT_EQ(table.client_high_water(), 2U);
  table.release(first);
  EXPECT_EQ(table.at(1), nullptr);
  EXPECT_EQ(table.find({1, generation}), nullptr);
  Connection& second = table.open_client(1);
  EXPECT_NE(second.generation, generation);
  EXPECT_EQ(table.find({1, generation}), nullptr);
  EXPECT_EQ(table.find({1, second.generation}), &second);
  EXPECT_EQ(table.clients(), 1U);
}

std::size_t resident_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm").ignore(64, ' ') >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(ConnectionTable, PlacesThatNobodyHasTakeNoMemory) {
  constexpr std::uint32_t kPlaces = 1'000'000;
  const std::size_t before = resident_bytes();
  ConnectionTable table(kPlaces, 1);
  EXPECT_EQ(table.at(kPlaces - 1), nullptr);
  const Connection& first = table.open_client(0);
  EXPECT_EQ(first.stage, Stage::kFrames);
  EXPECT_LT(resident_bytes(), before + kPlaces * sizeof(Connection) / 4);
}

void have_been_there(ConnectionTable& table, std::uint32_t first, std::uint32_t end) {
  for (std::uint32_t slot = first; slot < end; ++slot) {
    static_cast<void>(table.open_client(slot));
  }
  for (std::uint32_t slot = first; slot < end; ++slot) table.release(*table.at(slot));
}

void trim_all(ConnectionTable& table) {
  const std::uint32_t chunks = table.size() / ConnectionTable::kChunkSlots + 1;
  const std::uint32_t trims =
      ConnectionTable::kIdleTrims + chunks / ConnectionTable::kMostTrimmed + 1;
  for (std::uint32_t i = 0; i <= trims; ++i) table.trim();
}

TEST(ConnectionTable, PlacesThatNobodyHasAnyMoreTakeNoMemoryEither) {
  constexpr std::uint32_t kPlaces = 200'000;
  ConnectionTable table(kPlaces, 1);
  const std::size_t before = resident_bytes();
  have_been_there(table, 0, kPlaces);
  ASSERT_GT(resident_bytes(), before + kPlaces * sizeof(Connection) / 2);
  trim_all(table);
  EXPECT_LT(resident_bytes(), before + kPlaces * sizeof(Connection) / 10);
  EXPECT_EQ(table.client_high_water(), 0U);
}

TEST(ConnectionTable, WhoIsThereStaysAsHeIsWhenOthersPlacesAreGivenBack) {
  constexpr std::uint32_t kHis = ConnectionTable::kChunkSlots * 3;
  ConnectionTable table(ConnectionTable::kChunkSlots * 5, 2);
  Connection& his = table.open_client(kHis);
  Connection* const link = table.open_link();
  ASSERT_NE(link, nullptr);
  his.last_read_ms = link->last_read_ms = 17;
  have_been_there(table, 0, kHis);
  have_been_there(table, kHis + 1, table.max_clients());
  trim_all(table);
  EXPECT_EQ(table.find(his.handle()), &his);
  EXPECT_EQ(table.find(link->handle()), link);
  EXPECT_EQ(his.last_read_ms, 17U);
  EXPECT_EQ(link->last_read_ms, 17U);
  EXPECT_EQ(table.client_high_water(), kHis + ConnectionTable::kChunkSlots);
}

// A handle crosses threads, and an answer that is late may bring it back at any time.
TEST(ConnectionTable, AHandleOfAPlaceThatWasGivenBackFindsNobodyThere) {
  constexpr std::uint32_t kSlot = 7;
  ConnectionTable table(ConnectionTable::kChunkSlots, 1);
  std::set<std::uint32_t> generations;
  for (int round = 0; round < 20; ++round) {
    Connection& connection = table.open_client(kSlot);
    EXPECT_TRUE(generations.insert(connection.generation).second) << connection.generation;
    table.release(connection);
    if (round % 3 == 2) trim_all(table);
  }
}

TEST(ConnectionTable, PlacesThatAreUsedNowAndThenKeepTheirPages) {
  ConnectionTable table(ConnectionTable::kChunkSlots, 1);
  for (std::uint32_t i = 0; i < 3 * ConnectionTable::kIdleTrims; ++i) {
    have_been_there(table, 0, 1);
    for (std::uint32_t t = 0; t < ConnectionTable::kIdleTrims; ++t) table.trim();
    ASSERT_EQ(table.client_high_water(), 1U);
  }
}

TEST(ConnectionTable, LinksLiveAboveTheClientsAndRunOut) {
  ConnectionTable table(3, 2);
  Connection* const one = table.open_link();
  Connection* const two = table.open_link();
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  EXPECT_EQ((std::set{one->slot, two->slot}), (std::set<std::uint32_t>{3, 4}));
  EXPECT_FALSE(table.is_client_slot(one->slot));
  EXPECT_EQ(table.open_link(), nullptr);
  EXPECT_EQ(table.at(5), nullptr);
  EXPECT_EQ(table.at(0xFFFFFF), nullptr);
  table.release(*one);
  EXPECT_EQ(table.links(), 1U);
  EXPECT_EQ(table.open_link(), one);
  int seen = 0;
  table.for_each_link([&](Connection&) { ++seen; });
  EXPECT_EQ(seen, 2);
  table.for_each_client([&](Connection&) { ADD_FAILURE() << "no client is open"; });
}

TEST(OpTag, SurvivesItsPacking) {
  test::for_each_seed(1000, [](std::uint64_t seed) {
    Random random(seed);
    const OpTag tag{static_cast<OpKind>(random.between(1, 8)),
                    static_cast<std::uint32_t>(random.below(1u << 24)),
                    static_cast<std::uint32_t>(random.below(std::size_t{1} << 32))};
    const OpTag back = OpTag::unpack(tag.pack());
    EXPECT_EQ(back.kind, tag.kind);
    EXPECT_EQ(back.slot, tag.slot);
    EXPECT_EQ(back.generation, tag.generation);
  });
}

std::uint64_t fake_now_ms = 0;

TEST(Clock, ComparesAcrossItsWrap) {
  fake_now_ms = 5000;
  Clock clock([] { return fake_now_ms; });
  clock.update();
  EXPECT_EQ(clock.now_ms(), 1U);
  fake_now_ms += 0xFFFF'FFF0u;
  clock.update();
  const std::uint32_t before = clock.now_ms();
  const std::uint32_t deadline = Clock::deadline(before, 1000);
  EXPECT_LT(deadline, before);  // it has wrapped
  EXPECT_FALSE(Clock::passed(before, deadline));
  fake_now_ms += 999;
  clock.update();
  EXPECT_FALSE(Clock::passed(clock.now_ms(), deadline));
  fake_now_ms += 1;
  clock.update();
  EXPECT_TRUE(Clock::passed(clock.now_ms(), deadline));
}

TEST(Clock, ADeadlineIsNeverNone) {
  EXPECT_NE(Clock::deadline(0xFFFF'FFFFu, 1), 0U);
}

// Sixteen bits of the microseconds are kept; the milliseconds may be some off either way.
TEST(Connection, KnowsHowLongASendTook) {
  for (const std::uint32_t began_us : {0U, 65'000U, 0xffff'ffffU}) {
    for (const std::uint32_t took_us :
         {0U, 7U, 65'535U, 65'536U, 70'000U, 1'000'000U, 61'234'567U}) {
      for (const std::uint32_t off_ms : {0U, 4U, 20U}) {
        Connection connection;
        connection.send_begins(1000, began_us);
        const std::uint32_t ms = 1000 + took_us / 1000;
        EXPECT_EQ(connection.sent_after_us(ms + off_ms, began_us + took_us), took_us);
        if (ms - 1000 >= off_ms) {
          EXPECT_EQ(connection.sent_after_us(ms - off_ms, began_us + took_us), took_us);
        }
      }
    }
  }
}

}  // namespace
}  // namespace ringgate
