// What becomes labels of metrics, by instance and by command.
#include "services/gateway/counts/own_commands.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "services/gateway/upstreams/instance_counters.h"

namespace ringgate {
namespace {

std::map<std::string, std::uint64_t> told(const OwnCommands& commands) {
  std::map<std::string, std::uint64_t> all;
  commands.for_each(
      [&](std::string_view name, std::uint64_t n, std::uint64_t) { all[std::string(name)] = n; });
  return all;
}

using Counts = std::map<std::string, std::uint64_t>;

TEST(OwnCommands, HaveANameOnceAServiceKnowsThem) {
  OwnCommands commands(2, 1);
  commands.count("shop.buy");
  EXPECT_EQ(told(commands), (Counts{{"", 1}}));
  commands.admit("shop.buy", 0);
  commands.admit("shop.buy", 0);
  commands.count("shop.buy");
  commands.count("shop.sell");
  EXPECT_EQ(told(commands), (Counts{{"", 2}, {"shop.buy", 1}}));
}

// An event has sixteen bits for it.
TEST(OwnCommands, HaveNumbersAmongThoseOfAllShards) {
  OwnCommands commands(20, 1);
  EXPECT_EQ(commands.count_push("chat.tick"), OwnCommands::kRest);
  commands.admit("chat.tick", 0);
  const std::size_t row = commands.count_push("chat.tick");
  EXPECT_EQ(row, commands.find("chat.tick"));
  EXPECT_NE(commands.number_of(0, row), 0);
  EXPECT_NE(commands.number_of(0, row), commands.number_of(1, row));
  EXPECT_EQ(commands.number_of(3, OwnCommands::kRest), 0);
  EXPECT_EQ(commands.number_of(5000, row), 0) << "it does not fit";
  std::map<std::string, std::uint64_t> pushes;
  commands.for_each([&](std::string_view name, std::uint64_t, std::uint64_t n) {
    pushes[std::string(name)] = n;
  });
  EXPECT_EQ(pushes, (Counts{{"", 1}, {"chat.tick", 1}}));
}

TEST(OwnCommands, AreBoundedWhateverIsAdmitted) {
  OwnCommands commands(20, 1);
  for (int i = 0; i < 1000; ++i) commands.admit("shop.c" + std::to_string(i), 0);
  for (int i = 0; i < 1000; ++i) commands.count("shop.c" + std::to_string(i));
  const Counts all = told(commands);
  EXPECT_EQ(all.size(), 21U);
  EXPECT_EQ(all.at(""), 980U);
  EXPECT_EQ(all.at("shop.c19"), 1U);
  OwnCommands none(0, 1);
  none.admit("shop.buy", 0);
  none.count("shop.buy");
  EXPECT_EQ(told(none), (Counts{{"", 1}}));
}

// Of three services one answers whatever it is asked.
TEST(OwnCommands, AServiceThatKnowsEverythingLeavesTheOthersTheirRows) {
  OwnCommands commands(9, 3);
  for (int i = 0; i < 1000; ++i) commands.admit("echo.c" + std::to_string(i), 1);
  for (const char* name : {"shop.a", "shop.b", "shop.c", "shop.d"}) commands.admit(name, 2);
  commands.admit("chat.own", 0);
  commands.admit("nobody.knows", 3);
  const Counts all = told(commands);
  EXPECT_EQ(all, (Counts{{"", 0},
                         {"echo.c0", 0},
                         {"echo.c1", 0},
                         {"echo.c2", 0},
                         {"shop.a", 0},
                         {"shop.b", 0},
                         {"shop.c", 0},
                         {"chat.own", 0}}));
}

TEST(OwnCommands, WhatIsNoLabelIsNone) {
  OwnCommands commands(10, 1);
  for (const char* name : {"", "a\"b", "a\nb", "ü", "a b", "a.name.that.is.longer.than.they.are"}) {
    commands.admit(name, 0);
  }
  EXPECT_EQ(told(commands).size(), 1U);
}

struct Told {
  std::uint64_t forwarded = 0;
  std::uint64_t took_us = 0;
  bool operator==(const Told&) const = default;
};
std::map<std::uint32_t, Told> told(const InstanceCounters& counters) {
  std::map<std::uint32_t, Told> all;
  counters.for_each([&](std::uint32_t upstream, const InstanceCounters::Row& row) {
    all[upstream] = {row.forwarded.get(), row.took_us.get()};
  });
  return all;
}

// Sums never fall: Prometheus would take that for a restart.
TEST(InstanceCounters, WhatIsGoneCountsAmongTheRest) {
  InstanceCounters counters(2);
  InstanceCounters::Row& one = counters.take(1);
  InstanceCounters::Row& two = counters.take(2);
  InstanceCounters::Row& three = counters.take(3);
  EXPECT_EQ(&three, &counters.rest()) << "there is no row left";
  one.forwarded.add(10);
  one.took_us.add(500);
  two.forwarded.add(20);
  three.forwarded.add(30);
  EXPECT_EQ(told(counters), (std::map<std::uint32_t, Told>{{0, {30}}, {1, {10, 500}}, {2, {20}}}));
  counters.give(one);
  counters.give(three);
  EXPECT_EQ(told(counters), (std::map<std::uint32_t, Told>{{0, {40, 500}}, {2, {20}}}));
  EXPECT_EQ(counters.take(4).forwarded.get(), 0U);
  EXPECT_EQ(told(counters), (std::map<std::uint32_t, Told>{{0, {40, 500}}, {2, {20}}, {4, {}}}));
}

}  // namespace
}  // namespace ringgate
