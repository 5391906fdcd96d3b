// Nobody is somebody else: what a service is told of a client is what the gateway knows, whatever
// the client wrote.
#include <gmock/gmock.h>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

// The service's own parser's view of the packet: alice's, once each, and nothing of the client's.
void expect_alices(const Event& seen, const Client& alice) {
  EXPECT_EQ(seen.header.channelid(), alice.channel);
  EXPECT_EQ(seen.header.flag(), pkt::Request);
  EXPECT_EQ(seen.header.status(), pkt::Success);
  for (const char* const key : {"app", "account", "dest.server"}) {
    EXPECT_EQ(seen.count_meta(key), 1) << key;
  }
  EXPECT_EQ(seen.count_meta("dest.channels"), 0);
  EXPECT_EQ(seen.meta("app"), "kim");
  EXPECT_EQ(seen.meta("account"), "alice");
  EXPECT_EQ(seen.meta("dest.server"), "g1");
  for (const pkt::Meta& meta : seen.header.meta()) {
    EXPECT_THAT(meta.value(), testing::Not(testing::HasSubstr("mallory")));
  }
}

// Meta `key`, built field by field.
std::string meta(std::string_view fields) {
  return std::string("\x3a") + static_cast<char>(fields.size()) + std::string(fields);
}
std::string field(char tag, std::string_view text) {
  return std::string(1, tag) + static_cast<char>(text.size()) + std::string(text);
}
std::string key(std::string_view text) {
  return field('\x0a', text);
}
std::string value(std::string_view text) {
  return field('\x12', text);
}

struct Forged {
  std::string name;
  std::string extra;  // follows command and sequence in the header
};
void PrintTo(const Forged& forged, std::ostream* to) {
  *to << forged.name;
}

class ForgedHeaders : public testing::TestWithParam<Forged> {};

TEST_P(ForgedHeaders, AreForwardedAsTheGatewayKnowsTheClient) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  const std::string plain = header("chat.user.talk", 5, "bob").SerializeAsString();
  alice.send(raw_packet(plain + GetParam().extra, "the body"));
  const Event seen = bench.chat_link.request("chat.user.talk");
  expect_alices(seen, alice);
  EXPECT_EQ(seen.header.sequence(), 5U);
  EXPECT_EQ(seen.header.dest(), "bob");
  EXPECT_EQ(seen.body, "the body");
}

std::vector<Forged> forged_headers() {
  const std::string account = key("account");
  const std::string by = value("mallory");
  return {
      {"Nothing", ""},
      {"Account", meta(account + by + "\x18\x01")},
      {"App", meta(key("app") + by)},
      {"DestServer", meta(key("dest.server") + by)},
      {"DestChannels", meta(key("dest.channels") + by + "\x18\x01")},
      {"AllOfThem", meta(account + by) + meta(key("app") + by) + meta(key("dest.server") + by) +
                        meta(key("dest.channels") + by)},
      {"TheSameTwice", meta(account + by) + meta(account + by)},
      {"WrongType", meta(account + by + std::string("\x18\x02", 2))},
      {"ChannelId", field('\x12', "g1_mallory_0")},
      {"ChannelIdTwice", field('\x12', "a") + field('\x12', "g1_mallory_0")},
      {"Status", std::string("\x28\x64", 2)},
      {"UnknownStatus", std::string("\x28\x7b", 2)},
      // What parsers read differently from a naive scan: the last one counts.
      {"MetaWithItsKeyTwice", meta(key("harmless") + account + by)},
      {"MetaWithItsValueFirst", meta(by + account)},
      {"MetaWithItsValueTwice", meta(account + value("x") + by)},
      {"OverlongTag",
       std::string("\xba\x00", 2) + static_cast<char>((account + by).size()) + account + by},
      {"OverlongLength", std::string("\x3a") + static_cast<char>(0x80 | (account + by).size()) +
                             std::string(1, '\0') + account + by},
      {"OverlongKeyTag", meta(std::string("\x8a\x00", 2) + "\x07" + "account" + by)},
      {"UnknownField", std::string("\x4a\x07mallory", 9) + meta(account + by)},
      {"SequenceTwice", std::string("\x18\x09\x18\x05", 4) + meta(account + by)},
  };
}

INSTANTIATE_TEST_SUITE_P(Identity, ForgedHeaders, testing::ValuesIn(forged_headers()),
                         [](const auto& test) { return test.param.name; });

TEST(Identity, AForgedLoginIsStillTheTokens) {
  Bench bench;
  pkt::Header forged = header("login.signin", 3);
  forged.set_channelid("g1_mallory_0");
  add_meta(forged, "account", "mallory");
  add_meta(forged, "app", "mallory");
  add_meta(forged, "dest.server", "mallory");
  add_meta(forged, "mine", "kept");
  pkt::LoginReq body;
  body.set_token(token("alice"));
  FrameSocket client = bench.gateway.connect();
  client.send(packet(forged, body.SerializeAsString()));
  const Event seen = bench.link.request("login.signin");
  Client alice{std::move(client), "alice", seen.header.channelid()};
  expect_alices(seen, alice);
  EXPECT_EQ(seen.meta("mine"), "kept");
  EXPECT_EQ(seen.parse<pkt::Session>().account(), "alice");
}

TEST(Identity, MetasOfTheClientsOwnPassUnchanged) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  pkt::Header sent = header("chat.user.talk", 5, "bob");
  add_meta(sent, "trace", "abc");
  add_meta(sent, "weight", "1.5", pkt::float_);
  alice.send(packet(sent));
  const Event seen = bench.chat_link.request("chat.user.talk");
  expect_alices(seen, alice);
  EXPECT_EQ(seen.meta("trace"), "abc");
  EXPECT_EQ(seen.meta("weight"), "1.5");
}

TEST(Identity, WhatIsNoRequestIsRefusedAndTheConnectionGoesOn) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  for (const int flag : {1, 2, 7}) {
    pkt::Header forged = header("chat.user.talk", 11, "bob");
    forged.set_flag(static_cast<pkt::Flag>(flag));
    alice.send(packet(forged));
    EXPECT_TRUE(alice.next().is_answer(11, pkt::InvalidCommand)) << flag;
  }
  alice.send(packet(header("chat.user.talk", 12)));
  EXPECT_EQ(bench.chat_link.next().header.sequence(), 12U) << "and nothing before it";
}

TEST(Identity, LoginCommandsAfterTheLoginAreRefusedAndTheConnectionGoesOn) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  std::uint32_t sequence = 20;
  for (const char* const command : {"login.signin", "login.signout", "login.anything"}) {
    alice.send(packet(header(command, ++sequence)));
    EXPECT_TRUE(alice.next().is_answer(sequence, pkt::InvalidCommand)) << command;
  }
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  EXPECT_FALSE(bench.link.has_next());
}

TEST(Identity, AnEmptyCommandIsAnswered) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  alice.send(packet(header("", 31)));
  EXPECT_TRUE(alice.next().is_answer(31, pkt::InvalidCommand));
}

TEST(Identity, ACommandThatNoServiceIsForIsAnswered300) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  std::uint32_t sequence = 4'294'967'290U;  // the whole uint32 is the client's
  for (const char* const command : {"group.create", "nodot", ".x", "chat2.user.talk"}) {
    alice.send(packet(header(command, ++sequence)));
    EXPECT_TRUE(alice.next().is_answer(sequence, pkt::SystemException)) << command;
  }
  alice.send(packet(header("nodot", 0)));
  EXPECT_TRUE(alice.next().is_answer(0, pkt::SystemException));
}

}  // namespace
}  // namespace ringgate::test
