// What the log says of clients and operators, and in which form.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "control/base/text_file.h"
#include "control/observe/log_event.h"
#include "tests/integration/log_bench.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Log, OfJsonIsAnObjectALineWithNamesOfEvents) {
  LogBench bench;
  const LogLine started = bench.file.wait_for("started");
  EXPECT_EQ(started.at("service_id"), "g1");
  EXPECT_EQ(started.at("level"), "info");
  EXPECT_EQ(started.at("service"), "tgateway");
  EXPECT_EQ(started.at("shards"), "1");
  EXPECT_FALSE(started.at("version").empty());
  EXPECT_FALSE(started.at("room").empty());
  EXPECT_EQ(started.at("listeners"), "tcp 127.0.0.1:" + std::to_string(bench.gateway.port()));
  EXPECT_THAT(
      started.at("time"),
      testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"));
  const LogLine found = bench.file.wait_for("service_found");
  EXPECT_EQ(found.at("id"), "login01");
  bench.file.wait_for("link_up", {{"id", "login01"}, {"service", "login"}});
  for (const LogLine& line : bench.file.lines()) {
    for (const char* name : {"time", "level", "service_id", "event", "message"}) {
      EXPECT_TRUE(line.contains(name)) << name;
    }
  }
}

// What a service says may be anything: it stays one line, and JSON.
TEST(Log, OfJsonTextOfOthersStaysInItsField) {
  LogBench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("al\"i\\ce ü"), 7));
  const Event request = bench.link.request("login.signin");
  pkt::ErrorResp error;
  error.set_message("no\n\"{}\x01");
  bench.link.respond(request, error.SerializeAsString(), pkt::Unauthorized);
  const LogLine line = bench.file.wait_for("login_refused");
  EXPECT_EQ(line.at("account"), "al\"i\\ce ü");
  EXPECT_EQ(line.at("why"), "no\\x0a\"{}\\x01");
  EXPECT_EQ(line.at("app"), "kim");
  EXPECT_EQ(line.at("reason"), "login_refused");
  EXPECT_THAT(line.at("peer"), HasSubstr("127.0.0.1:"));
}

TEST(Log, RefusedLoginsAreToldSoOftenASecondAndTheRestIsCounted) {
  constexpr double kRefused = 30;
  LogBench bench{{{"LogEventsPerSecond", "2"}}};
  for (int i = 0; i < static_cast<int>(kRefused); ++i) be_refused(bench.gateway);
  const auto told = [&] {
    double lines = 0;
    for (const LogLine& line : bench.file.lines()) {
      lines += line.at("event") == "login_refused" ? 1 : 0;
    }
    return lines;
  };
  // Whatever the seconds were: a line or a count for each, and fewer lines than logins.
  wait_until("all are told or counted", [&] {
    return told() + bench.gateway.metric("ringgate_log_events_left_out_total",
                                         "event=\"login_refused\"") ==
           kRefused;
  });
  const LogLine left_out = bench.file.wait_for("not_told", {{"of", "login_refused"}});
  EXPECT_GT(std::stoi(left_out.at("lines")), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_logins_refused_total"), kRefused);
}

TEST(Log, ActionsOfOperatorsAreToldWithWhoAndFromWhere) {
  LogBench bench;
  Client bob = bench.log_in("bob");
  EXPECT_THAT(bench.ask("POST", "/kick?account=bob"), HasSubstr("\"kicked\": 1"));
  const LogLine kick = bench.file.wait_for("admin_action");
  EXPECT_EQ(kick.at("method"), "POST");
  EXPECT_EQ(kick.at("what"), "/kick?account=bob");
  EXPECT_EQ(kick.at("status"), "200");
  EXPECT_EQ(kick.at("with_token"), "false");
  EXPECT_THAT(kick.at("from"), testing::StartsWith("127.0.0.1:"));
  const LogLine closed = bench.file.wait_for("closed", {{"reason", "kicked_by_operator"}});
  EXPECT_EQ(closed.at("account"), "bob");
  EXPECT_EQ(closed.at("app"), "kim");
  EXPECT_EQ(closed.at("level"), "info");
}

// Places are few: who had not logged in goes, and an operator has to know of it.
TEST(Log, ACloseForWantOfRoomIsAWarning) {
  LogBench bench{{{"MaxConnections", "20"}, {"LoginReserve", "50"}, {"Shards", "1"}}};
  std::vector<FrameSocket> strangers;
  for (int i = 0; i < 15; ++i) strangers.push_back(bench.gateway.connect());
  const LogLine closed = bench.file.wait_for("closed", {{"reason", "crowded_out"}});
  EXPECT_EQ(closed.at("level"), "warn");
  EXPECT_THAT(closed.at("peer"), testing::StartsWith("127.0.0.1:"));
}

TEST(Log, WhoMayNotIsTold) {
  LogBench bench{{{"AdminToken", "a-token-of-sixteen-bytes"}}};
  EXPECT_THAT(bench.ask("POST", "/drain"), HasSubstr(" 401 "));
  const LogLine line = bench.file.wait_for("admin_refused", {{"status", "401"}});
  EXPECT_EQ(line.at("what"), "/drain");
  EXPECT_THAT(bench.ask("GET", "/services", "evil.example"), HasSubstr(" 403 "));
  bench.file.wait_for("admin_refused", {{"status", "403"}, {"what", "/services"}});
}

// It is a token that somebody believed to be taken there.
TEST(Log, OfAnUnknownParameterTheValueIsNotTold) {
  LogBench bench;
  EXPECT_THAT(bench.ask("POST", "/kick?account=bob&token=not-for-the-log"), HasSubstr(" 400 "));
  bench.file.wait_for("admin_refused", {{"what", "/kick?account=bob&token=…"}});
  EXPECT_THAT(bench.file.text(), Not(HasSubstr("not-for-the-log")));
}

// A client that takes its token for a command.
TEST(Log, OfALongCommandTheBeginningIsTold) {
  LogBench bench{{{"LogLevel", "debug"}}};
  Client bob = bench.log_in("bob");
  const std::string begins = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpX";
  bob.send(packet(header(begins + "VCJ9-and-so-on", 3)));
  const LogLine line = bench.file.wait_for("forwarded", {{"command", begins + "…"}});
  EXPECT_THAT(line.at("message"), HasSubstr(begins + "… of bob"));
  EXPECT_THAT(bench.file.text(), Not(HasSubstr("and-so-on")));
}

TEST(Log, AtDebugTellsWhatHappensToAClient) {
  LogBench bench{{{"LogLevel", "debug"}}};
  RawService chat(bench.world, "chat01", "chat");
  Link chat_link = chat.accept();
  Client bob = bench.log_in("bob");
  bench.file.wait_for("accepted");
  const LogLine login = bench.file.wait_for("login", {{"account", "bob"}});
  const std::string connection = login.at("connection");
  wait_until("chat", [&] { return bench.gateway.metric("ringgate_links") == 2; });
  bob.send(talk("alice", "a secret text", 3));
  const Event request = chat_link.request("chat.user.talk");
  const LogLine forwarded = bench.file.wait_for("forwarded", {{"connection", connection}});
  EXPECT_EQ(forwarded.at("command"), "chat.user.talk");
  EXPECT_EQ(forwarded.at("instance"), "chat01");
  EXPECT_EQ(forwarded.at("good"), "true");
  chat_link.respond(request);
  const LogLine answered = bench.file.wait_for("answered", {{"connection", connection}});
  EXPECT_EQ(answered.at("instance"), "chat01");
  chat_link.push("g1", bob.channel, "another secret text");
  bench.file.wait_for("pushed", {{"connection", connection}, {"account", "bob"}});
  EXPECT_TRUE(bob.next().is_answer(3));
  EXPECT_EQ(bob.next().header.flag(), pkt::Push);
  bob.frames.socket() = Socket();
  const LogLine ended = bench.file.wait_for("ended", {{"connection", connection}});
  EXPECT_THAT(ended.at("reason"), testing::StartsWith("peer_"));
  EXPECT_EQ(ended.at("queued_bytes"), "0");
  EXPECT_THAT(bench.file.text(), AllOf(Not(HasSubstr("secret text")), Not(HasSubstr(kSecret))));
}

// Shards take it by mail, a moment later. What a shard tells comes before what it answers.
bool is_login_told(LogBench& bench, const std::string& account) {
  Client client = bench.log_in(account);
  const std::string barrier = "/kick?account=nobody-after-" + account;
  bench.ask("POST", barrier);
  bench.file.wait_for("admin_action", {{"what", barrier}});
  return std::ranges::any_of(bench.file.lines(), [&](LogLine& line) {
    return line["event"] == "login" && line["account"] == account;
  });
}

TEST(Log, DebugIsTurnedOnAndOffBySighup) {
  LogBench bench;
  Client alice = bench.log_in("alice");
  int number = 0;
  for (const bool on : {true, false}) {
    bench.world.config("gateway", "g1",
                       bench.with_log({{"MonitorPort", std::to_string(bench.gateway.monitor())},
                                       {"LogLevel", on ? "debug" : "info"}}));
    bench.gateway.process().signal(SIGHUP);
    wait_until(on ? "debug" : "info",
               [&] { return is_login_told(bench, "user" + std::to_string(++number)) == on; });
  }
  EXPECT_THAT(bench.file.text(), Not(HasSubstr("alice")));
}

// --- The documentation ---------------------------------------------------------------------------

std::string table_of_events() {
  std::string table = "| Event | Level | Meaning |\n|---|---|---|\n";
  for (const LogEventName& event : log_events()) {
    table += "| `" + std::string(event.name) + "` | " + std::string(log_level_name(event.level)) +
             " | " + std::string(event.meaning) + " |\n";
  }
  return table;
}

TEST(Log, EventsAreExplainedInTheDocumentation) {
  const std::string file = std::string(RINGGATE_SOURCE) + "/docs/observability.md";
  const std::string text = read_text_file(file, 1 << 20).value();
  const std::size_t begin = text.find('\n', text.find("<!-- log events:")) + 1;
  const std::size_t end = text.find("<!-- end of log events");
  ASSERT_LE(begin, end);
  ASSERT_NE(end, std::string::npos);
  if (std::getenv("RINGGATE_WRITE_DOCS") != nullptr) {
    std::ofstream(file) << text.substr(0, begin) << table_of_events() << text.substr(end);
    return;
  }
  EXPECT_EQ(text.substr(begin, end - begin), table_of_events())
      << "run this test with RINGGATE_WRITE_DOCS=1 and look at what it changed";
}

}  // namespace
}  // namespace ringgate::test
