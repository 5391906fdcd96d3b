// What the admin port tells of channels and of closes, in pages.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <set>
#include <string_view>

#include "tests/integration/trace_bench.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Recorder, AChannelIsShownWithItsEventsAndItsConnection) {
  TraceBench it;
  Client alice = log_in(it.bench.gateway, "alice");
  alice.send(ping());
  ASSERT_EQ(alice.next().kind, Event::Kind::kPong);
  const AdminAnswer idle = admin_get(it.port, "/channels/" + alice.channel);
  EXPECT_THAT(idle.body,
              AllOf(HasSubstr(R"("account": "alice")"), HasSubstr(R"("connected": true)"),
                    HasSubstr(R"("pings": 1)"), HasSubstr(R"("recorded": false)"),
                    HasSubstr(R"("event": "logged_in")"), HasSubstr(R"("state": "established")")));
  alice.send(talk("nobody", "hello", 2));
  ASSERT_TRUE(alice.next().is_answer(2));
  EXPECT_THAT(admin_get(it.port, "/channels/" + alice.channel).body,
              AllOf(HasSubstr(R"("recorded": true)"), HasSubstr(R"("event": "answered")"),
                    HasSubstr(R"("status": 0)")));
  EXPECT_EQ(admin_get(it.port, "/channels/g1_nobody_0123456789").status, 404);
  EXPECT_EQ(admin_get(it.port, "/channels/" + alice.channel + "?x=1").status, 400);
}

TEST(Recorder, AnOwnCommandIsNamedWhereItsPushWasDropped) {
  const std::uint16_t port = free_port();
  ChatBench bench(with_admin(port, {{"MaxQueuedBytes", "64KiB"}, {"Shards", "2"}}));
  Client bob = bench.log_in("bob");
  const std::string text(30'000, 'x');
  wait_until("bob is closed", [&] {
    for (int i = 0; i < 20; ++i) bench.chat_link.push("g1", bob.channel, text, "chat.tick");
    return bench.gateway.metric("ringgate_closed_by_reason_total", "slow_consumer") >= 1;
  });
  EXPECT_THAT(recorded_with(port, "bob", "closed: slow_consumer"),
              AllOf(HasSubstr("a push of chat.tick from chat01"), HasSubstr("was dropped")));
  EXPECT_THAT(admin_get(port, "/channels/" + bob.channel).body,
              HasSubstr(R"("command": "chat.tick")"));
}

std::vector<std::string> accounts_of(const std::string& body, const char* list,
                                     std::string* after = nullptr) {
  simdjson::dom::parser parser;
  const simdjson::dom::element page = parser.parse(body);
  std::vector<std::string> accounts;
  for (const simdjson::dom::element row : page[list].get_array()) {
    std::string_view account;
    accounts.emplace_back(row["account"].get(account) == simdjson::SUCCESS ? account : "");
  }
  std::string_view next;
  if (after != nullptr) *after = page["after"].get(next) == simdjson::SUCCESS ? next : "";
  return accounts;
}

TEST(Recorder, ChannelsAreListedInAnOrderAndInPages) {
  TraceBench it(Settings{{"Shards", "2"}});
  std::vector<Client> clients;
  std::vector<std::string> accounts;
  for (int i = 0; i < 25; ++i) {
    accounts.push_back("account" + std::to_string(10 + i));
    clients.push_back(log_in(it.bench.gateway, accounts.back()));
  }
  std::vector<std::string> seen;
  std::string after;
  do {
    const AdminAnswer page = admin_get(
        it.port, "/channels?sort=age&limit=10" + (after.empty() ? "" : "&after=" + after));
    ASSERT_EQ(page.status, 200) << page.body;
    EXPECT_THAT(page.body, HasSubstr("\"count\": "));
    const std::vector<std::string> some = accounts_of(page.body, "channels", &after);
    EXPECT_LE(some.size(), 10u);
    seen.insert(seen.end(), some.begin(), some.end());
  } while (!after.empty());
  EXPECT_EQ(seen, accounts) << "the oldest first, each once";
  clients[7].send(talk("nobody", "hello", 2));
  ASSERT_TRUE(clients[7].next().is_answer(2));
  clients[3].send(talk("account13", std::string(1000, 'x'), 2));
  while (!clients[3].next().is_answer(2)) {
  }
  EXPECT_EQ(accounts_of(admin_get(it.port, "/channels?sort=sent&limit=1").body, "channels"),
            std::vector<std::string>{"account13"});
  for (const char* const sort : {"queued", "idle", "outstanding"}) {
    EXPECT_EQ(
        accounts_of(admin_get(it.port, std::string("/channels?sort=") + sort).body, "channels")
            .size(),
        25u);
  }
  for (const char* const query : {"sort=other", "limit=0&sort=age", "limit=101&sort=age",
                                  "sort=age&after=x", "sort=age&account=alice", "limit=5"}) {
    EXPECT_EQ(admin_get(it.port, std::string("/channels?") + query).status, 400) << query;
  }
  EXPECT_THAT(admin_get(it.port, "/channels?account=account10").body, HasSubstr("\"count\": 1"));
}

TEST(Recorder, ClosesAreListedTheNewestFirstWithWhy) {
  TraceBench it(Settings{{"Shards", "2"}});
  for (const char* const account : {"alice", "bob"}) {
    Client client = log_in(it.bench.gateway, account);
    client.frames = FrameSocket();
    it.bench.gateway.wait_metric("ringgate_closed_total", account[0] == 'a' ? 1 : 2);
  }
  FrameSocket expired = it.bench.gateway.connect();
  expired.send(login(token("carol", {.expires_in_s = -10})));
  EXPECT_TRUE(expired.next().is_answer(1, pkt::Unauthorized));
  const AdminAnswer page = admin_get(it.port, "/closes");
  EXPECT_EQ(accounts_of(page.body, "closes"), (std::vector<std::string>{"carol", "bob", "alice"}));
  EXPECT_THAT(page.body, AllOf(HasSubstr(R"("reason": "login_refused")"), HasSubstr("expired"),
                               HasSubstr(R"("reason": "peer_closed")")));
  std::string after;
  EXPECT_EQ(accounts_of(admin_get(it.port, "/closes?limit=2").body, "closes", &after).size(), 2u);
  EXPECT_EQ(accounts_of(admin_get(it.port, "/closes?limit=2&after=" + after).body, "closes"),
            std::vector<std::string>{"alice"});
  EXPECT_EQ(accounts_of(admin_get(it.port, "/closes?account=bob").body, "closes"),
            std::vector<std::string>{"bob"});
}

// The channels of a list, page by page.
std::multiset<std::string> all_pages(std::uint16_t port, const std::string& path, const char* list,
                                     std::size_t limit) {
  std::multiset<std::string> all;
  std::string after;
  do {
    const AdminAnswer answer = admin_get(
        port, path + "limit=" + std::to_string(limit) + (after.empty() ? "" : "&after=" + after));
    EXPECT_EQ(answer.status, 200) << answer.body;
    simdjson::dom::parser parser;
    const simdjson::dom::element page = parser.parse(answer.body);
    for (const simdjson::dom::element row : page[list].get_array()) {
      all.emplace(std::string_view(row["channel"]));
    }
    std::string_view next;
    after = page["after"].get(next) == simdjson::SUCCESS ? next : "";
  } while (!after.empty() && all.size() < 1000);
  return all;
}

TEST(Recorder, PagesMissNobodyWhereManyAreSilentAndWhereManyEndAtOnce) {
  TraceBench it(Settings{{"Shards", "2"}});
  std::vector<Client> clients;
  std::multiset<std::string> channels;
  for (int i = 0; i < 50; ++i) {
    Client client{it.bench.gateway.connect(), "alice", {}};
    client.send(login(token("alice", {.app = "app" + std::to_string(i)})));
    const Event answer = client.next();
    ASSERT_TRUE(answer.is_answer(1));
    channels.insert(answer.parse<pkt::LoginResp>().channelid());
    clients.push_back(std::move(client));
  }
  for (const std::size_t limit : {1u, 7u}) {
    EXPECT_EQ(all_pages(it.port, "/channels?sort=idle&", "channels", limit), channels);
  }
  Socket socket = Socket::connect(it.port);
  socket.write_all("POST /kick?account=alice HTTP/1.1\r\nHost: 127.0.0.1:" +
                   std::to_string(it.port) + "\r\nContent-Length: 0\r\n\r\n");
  it.bench.gateway.wait_metric_is("ringgate_closed_total", 50);
  std::string first_page;
  for (const std::size_t limit : {1u, 7u, 100u}) {
    EXPECT_EQ(all_pages(it.port, "/closes?", "closes", limit), channels);
    const std::string again = admin_get(it.port, "/closes").body;
    EXPECT_TRUE(first_page.empty() || again == first_page) << "a time is the same each time";
    first_page = again;
  }
}

TEST(Recorder, NeitherTokensNorBodiesAreInIt) {
  TraceBench it;
  const std::string its_token = token("alice");
  Client alice{it.bench.gateway.connect(), "alice", {}};
  alice.send(login(its_token));
  const Event answer = alice.next();
  ASSERT_TRUE(answer.is_answer(1));
  alice.channel = answer.parse<pkt::LoginResp>().channelid();
  alice.send(talk("alice", "what nobody else has to know", 2));
  while (!alice.next().is_answer(2)) {
  }
  const std::string all = admin_get(it.port, "/channels/" + alice.channel).body +
                          admin_get(it.port, "/trace?account=alice").body +
                          admin_get(it.port, "/channels?sort=sent").body +
                          recorded(it.port, "alice").output;
  EXPECT_THAT(all, AllOf(HasSubstr("chat.user.talk"), Not(HasSubstr("nobody else")),
                         Not(HasSubstr(its_token.substr(its_token.find('.') + 1, 20)))));
}

TEST(Recorder, ItCanBeTurnedOffAndOnAgain) {
  TraceBench it(Settings{{"FlightRecorder", "false"}});
  Client alice = log_in(it.bench.gateway, "alice");
  alice.send(talk("nobody", "hello", 2));
  ASSERT_TRUE(alice.next().is_answer(2));
  EXPECT_THAT(admin_get(it.port, "/channels/" + alice.channel).body,
              AllOf(HasSubstr(R"("recorded": false)"), HasSubstr(R"("events": [])")));
  EXPECT_THAT(recorded(it.port, "alice").output,
              HasSubstr("records nothing (FlightRecorder: false)"));
  Settings on = with_admin(it.port, {{"Routes", "{login: chat}"},
                                     {"MonitorPort", std::to_string(it.bench.gateway.monitor())}});
  static_cast<void>(it.bench.world.config("gateway", "g1", on));
  it.bench.gateway.process().signal(SIGHUP);
  wait_until("it is on", [&] {
    alice.send(talk("nobody", "hello", 3));
    EXPECT_TRUE(alice.next().is_answer(3));
    return admin_get(it.port, "/channels/" + alice.channel).body.find("\"recorded\": true") !=
           std::string::npos;
  });
}

}  // namespace
}  // namespace ringgate::test
