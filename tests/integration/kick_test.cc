// Whom an operator sees and kicks: exactly those that were meant, and all of them.
#include <gmock/gmock.h>

#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A gateway with an admin port, whose login service is the test.
struct AdminBench {
  explicit AdminBench(const std::string& shards = "1")
      : bench({{"AdminPort", std::to_string(port)}, {"Shards", shards}}) {
    bench.gateway.process().wait_for_line("admin http://");
  }
  // The answer, whole.
  [[nodiscard]] std::string ask(const std::string& method, const std::string& target,
                                const std::string& body = {}) const {
    Socket socket = Socket::connect(port);
    socket.write_all(method + " " + target +
                     " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                     "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string text;
    while (socket.read_some(text)) {
    }
    return text;
  }
  [[nodiscard]] Client log_in(const std::string& account, const std::string& app = "kim") {
    Client client{bench.gateway.connect(), account, {}};
    client.send(login(token(account, {.app = app})));
    answer_login(bench.link, account);
    client.channel = client.next().parse<pkt::LoginResp>().channelid();
    return client;
  }

  std::uint16_t port = free_port();
  Bench bench;
};

void expect_kicked(Client& client) {
  EXPECT_EQ(client.next().parse<pkt::KickoutNotify>().channelid(), client.channel);
  EXPECT_EQ(client.next().kind, Event::Kind::kClose);
}

void expect_there(Client& client) {
  client.send(ping());
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
}

TEST(Kick, AnAppIsNotAnother) {
  AdminBench bench;
  Client kim = bench.log_in("bob");
  Client shop = bench.log_in("bob", "shop");
  EXPECT_THAT(bench.ask("GET", "/channels?account=bob"), HasSubstr("\"count\": 2"));
  const std::string shown = bench.ask("GET", "/channels?account=bob&app=kim");
  EXPECT_THAT(shown, AllOf(HasSubstr(kim.channel), Not(HasSubstr(shop.channel))));
  EXPECT_THAT(bench.ask("POST", "/kick?account=bob&app=other"), HasSubstr("\"kicked\": 0"));
  EXPECT_THAT(bench.ask("POST", "/kick?account=bob&app=shop"),
              AllOf(HasSubstr(shop.channel), HasSubstr("\"kicked\": 1")));
  expect_kicked(shop);
  expect_there(kim);
}

TEST(Kick, AChannelIsOne) {
  AdminBench bench;
  Client first = bench.log_in("bob");
  Client second = bench.log_in("bob");
  const std::string target = "?channel=" + second.channel;
  EXPECT_THAT(bench.ask("GET", "/channels" + target), HasSubstr("\"count\": 1"));
  EXPECT_THAT(bench.ask("POST", "/kick" + target), HasSubstr("\"kicked\": 1"));
  expect_kicked(second);
  expect_there(first);
  EXPECT_THAT(bench.ask("POST", "/kick" + target), HasSubstr("\"kicked\": 0"));
}

// An answer of a shard holds about 250 rows.
TEST(Kick, ReachesAlsoThoseThatTheAnswerDoesNotHold) {
  constexpr std::size_t kClients = 600;
  AdminBench bench("2");
  std::vector<Client> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(bench.log_in("bob"));
  Client alice = bench.log_in("alice");
  EXPECT_THAT(bench.ask("GET", "/channels?account=bob"),
              AllOf(HasSubstr("\"count\": 600"), HasSubstr("\"more\": true")));
  EXPECT_THAT(bench.ask("POST", "/kick?account=bob"),
              AllOf(HasSubstr("\"kicked\": 600"), HasSubstr("\"more\": true")));
  for (Client& client : clients) expect_kicked(client);
  expect_there(alice);
}

TEST(Kick, NamesMayHoldWhatQueriesEscape) {
  AdminBench bench;
  Client odd = bench.log_in("a+b & ü=%");
  EXPECT_THAT(bench.ask("POST", "/kick?account=a+b+%26+%C3%BC%3D%25"), HasSubstr("\"kicked\": 0"))
      << "a plus is a blank";
  EXPECT_THAT(bench.ask("POST", "/kick?account=a%2Bb+%26%20%C3%BC%3D%25"),
              HasSubstr("\"kicked\": 1"));
  expect_kicked(odd);
  EXPECT_THAT(bench.ask("POST", "/kick?account=a%2Cb"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(bench.ask("POST", "/kick?account=a%00b"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(bench.ask("POST", "/kick?account=%FF"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(bench.ask("POST", "/kick?account=%2"), StartsWith("HTTP/1.1 400 "));
}

TEST(Kick, WhatIsNotMeantExactlyIsAMistakeOnEveryPage) {
  AdminBench bench;
  Client bob = bench.log_in("bob");
  for (const char* const query :
       {"", "?", "?app=kim", "?account=", "?account=bob&app=", "?channel=", "?account=bob&apps=x",
        "?account=bob&Account=bob", "?account=bob&account=bob", "?account=bob&account=alice",
        "?account=bob&channel=x", "?channel=x&app=kim", "?account=bob&=x", "?account=bob&x"}) {
    EXPECT_THAT(bench.ask("POST", std::string("/kick") + query), StartsWith("HTTP/1.1 400 "))
        << query;
    EXPECT_THAT(bench.ask("GET", std::string("/channels") + query), StartsWith("HTTP/1.1 400 "))
        << query;
  }
  EXPECT_THAT(bench.ask("GET", "/services?x=1"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(bench.ask("GET", "/explain-route?app=kim&account=bob&acount=x"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(bench.ask("GET", "/try?x=1"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(bench.ask("GET", "/try?account=bob&login=1"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(bench.ask("GET", "/try/config.json?x=1"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(bench.ask("POST", "/drain?x=1"), StartsWith("HTTP/1.1 400 "));
  // As `curl -d app=shop` sends it.
  EXPECT_THAT(bench.ask("POST", "/kick?account=bob", "app=shop"), StartsWith("HTTP/1.1 400 "));
  expect_there(bob);
}

}  // namespace
}  // namespace ringgate::test
