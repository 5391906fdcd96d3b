// What a shard tells of its clients for the log: how much of it, and what is left out.
#include "services/gateway/log/teller.h"

#include <gtest/gtest.h>

#include <string>

#include "services/gateway/log/close_level.h"
#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate {
namespace {

using test::GatewayShard;
using test::Mail;
using test::TestClient;

GatewayOptions options(bool debug) {
  GatewayOptions options = test::gateway_options();
  options.tells_debug = debug;
  options.log_events_per_second = 3;
  options.log_debug_per_second = 5;
  return options;
}

struct Lines {
  std::uint32_t told = 0;
  std::uint32_t left_out = 0;
};
Lines lines(GatewayShard& gateway, LogEvent event) {
  Lines all;
  for (const Mail& mail : gateway.told(kMailTold)) {
    ByteView rest = mail.message;
    const ToldHead head = kMailTold.read(rest);
    if (head.event != event) continue;
    all.told += head.empty == 0 ? 1 : 0;
    all.left_out += head.left_out;
  }
  return all;
}

TEST(Teller, WhatIsOfDebugIsNotMadeWhileThatIsOff) {
  GatewayShard gateway(options(false));
  const TestClient alice = gateway.channel("alice");
  Teller& teller = gateway.context.teller;
  EXPECT_FALSE(teller.tells_debug());
  teller.tell(*alice.connection, *channel_of(*alice.connection), {.event = LogEvent::kForwarded});
  teller.closed(*alice.connection, nullptr, CloseReason::kPeerClosed);
  EXPECT_TRUE(gateway.told(kMailTold).empty());
  teller.closed(*alice.connection, nullptr, CloseReason::kSlowConsumer);
  EXPECT_EQ(lines(gateway, LogEvent::kClosed).told, 1U);
}

TEST(Teller, TellsWhoAndWhat) {
  GatewayShard gateway(options(true));
  const TestClient alice = gateway.channel("alice");
  gateway.context.teller.tell(
      *alice.connection, *channel_of(*alice.connection),
      {.event = LogEvent::kForwarded, .command = "chat.user.talk", .bytes = 17, .upstream = 2});
  const std::vector<Mail> mail = gateway.told(kMailTold);
  ASSERT_EQ(mail.size(), 1U);
  ByteView rest = mail[0].message;
  const ToldHead head = kMailTold.read(rest);
  EXPECT_EQ(head.slot, alice.connection->slot);
  EXPECT_EQ(head.bytes, 17U);
  EXPECT_EQ(head.upstream, 2U);
  EXPECT_EQ(as_text(rest), "alicekimchat.user.talk");
}

// In a flood the log gets some of it, and the number of the rest: each is told or counted.
TEST(Teller, SoManyASecondAndTheRestIsCounted) {
  GatewayShard gateway(options(true));
  const TestClient alice = gateway.connect();
  for (int i = 0; i < 10; ++i) {
    gateway.context.teller.tell(*alice.connection, {.event = LogEvent::kLoginRefused});
    gateway.context.teller.tell(*alice.connection, {.event = LogEvent::kAccepted});
  }
  const std::vector<Mail> mail = gateway.told(kMailTold);
  EXPECT_EQ(mail.size(), 3U + 5U);
  gateway.context.teller.on_tick();
  EXPECT_TRUE(gateway.told(kMailTold).empty()) << "its second is not over";
  gateway.pass(1001);
  gateway.context.teller.on_tick();
  const Lines refused = lines(gateway, LogEvent::kLoginRefused);
  EXPECT_EQ(refused.told, 0U);
  EXPECT_EQ(refused.left_out, 7U);
  gateway.context.teller.tell(*alice.connection, {.event = LogEvent::kLoginRefused});
  EXPECT_EQ(lines(gateway, LogEvent::kLoginRefused).told, 1U);
}

// Long texts of others are cut, not overflowed.
TEST(Teller, LongTextsAreCut) {
  GatewayShard gateway(options(true));
  const TestClient alice = gateway.connect();
  const std::string longest(100'000, 'x');
  gateway.context.teller.tell(*alice.connection, {.event = LogEvent::kLoginRefused,
                                                  .account = longest,
                                                  .app = longest,
                                                  .command = longest,
                                                  .why = longest});
  const std::vector<Mail> mail = gateway.told(kMailTold);
  ASSERT_EQ(mail.size(), 1U);
  ByteView rest = mail[0].message;
  const ToldHead head = kMailTold.read(rest);
  EXPECT_EQ(rest.size(),
            std::size_t{head.account_bytes} + head.app_bytes + head.command_bytes + head.why_bytes);
  EXPECT_LT(rest.size(), 1000U);
}

TEST(CloseLevel, SomeAreForOperatorsAndMostAreNot) {
  for (const CloseReason too_slow_or_too_many :
       {CloseReason(CloseReason::kSlowConsumer), CloseReason(CloseReason::kTooManyFromAddress),
        CloseReason(GatewayClose::kMemoryFull), CloseReason(GatewayClose::kCrowdedOut)}) {
    EXPECT_EQ(close_level(too_slow_or_too_many), LogLevel::kWarn);
  }
  EXPECT_EQ(close_level(GatewayClose::kAddressRefused), LogLevel::kInfo);
  EXPECT_EQ(close_level(GatewayClose::kKickedByOperator), LogLevel::kInfo);
  EXPECT_EQ(close_level(CloseReason::kTlsVersion), LogLevel::kInfo);
  for (const CloseReason every_day :
       {CloseReason(CloseReason::kPeerClosed), CloseReason(CloseReason::kIdleTimeout),
        CloseReason(CloseReason::kDraining), CloseReason(GatewayClose::kKickedOut),
        CloseReason(GatewayClose::kTokenExpired), CloseReason(GatewayClose::kLoginRefused)}) {
    EXPECT_EQ(close_level(every_day), LogLevel::kDebug);
  }
}

}  // namespace
}  // namespace ringgate
