// What the log says of clients and operators, in which form, and into which file.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "control/base/text_file.h"
#include "control/observe/log_event.h"
#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// A line of the log as it was parsed: fields to what is in them.
using LogLine = std::map<std::string, std::string>;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) {
    if (!all.eof()) lines.push_back(line);  // what has no end may still be written
  }
  return lines;
}

// A line that is no object fails the test.
LogLine parse(const std::string& line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(line).get(object) != simdjson::SUCCESS) {
    ADD_FAILURE() << "no JSON object: " << line;
    return {};
  }
  LogLine fields;
  for (const auto field : object) {
    std::string_view text;
    const bool is_text = field.value.get(text) == simdjson::SUCCESS;
    fields[std::string(field.key)] = is_text ? std::string(text) : simdjson::to_string(field.value);
  }
  return fields;
}

class LogFile {
 public:
  explicit LogFile(const World& world, const std::string& name = "ringgate.log")
      : path_(world.folder().path() / name) {}
  [[nodiscard]] std::filesystem::path path() const { return path_; }
  [[nodiscard]] std::string text() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::vector<LogLine> lines() const {
    std::vector<LogLine> all;
    for (const std::string& line : lines_of(text())) all.push_back(parse(line));
    return all;
  }
  // The first line of that event whose fields are these.
  LogLine wait_for(const std::string& event, const LogLine& fields = {}) const {
    LogLine found;
    wait_until("the event " + event, [&] {
      for (LogLine& line : lines()) {
        const bool fits = std::ranges::all_of(
            fields, [&](const auto& field) { return line[field.first] == field.second; });
        if (line["event"] != event || !fits) continue;
        found = std::move(line);
        return true;
      }
      return false;
    });
    return found;
  }

 private:
  std::filesystem::path path_;
};

// A gateway whose log is a file of JSON, and whose login service is the test.
struct LogBench {
  explicit LogBench(const Settings& settings = {})
      : gateway(world, "gateway", "g1", with_log(settings)), link(login.accept()) {}
  [[nodiscard]] Settings with_log(Settings settings) const {
    settings.emplace("LogFormat", "json");
    settings.emplace("LogFile", file.path().string());
    settings.emplace("AdminPort", std::to_string(admin));
    return settings;
  }
  std::string ask(const std::string& method, const std::string& target,
                  const std::string& host = {}) const {
    Socket socket = Socket::connect(admin);
    const std::string name = host.empty() ? "127.0.0.1:" + std::to_string(admin) : host;
    socket.write_all(method + " " + target + " HTTP/1.1\r\nHost: " + name + "\r\n\r\n");
    std::string text;
    while (socket.read_some(text)) {
    }
    return text;
  }
  Client log_in(const std::string& account) { return test::log_in(gateway, link, account); }

  World world;
  LogFile file{world};
  std::uint16_t admin = free_port();
  RawService login{world, "login01", "login"};
  Server gateway;
  Link link;
};

// A client that is refused with a token that is none.
void be_refused(const Server& gateway) {
  FrameSocket client = gateway.connect();
  client.send(login("no.token.atall"));
  while (client.next().kind != Event::Kind::kEnd) {
  }
}

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

TEST(Log, WhoMayNotIsTold) {
  LogBench bench{{{"AdminToken", "a-token-of-sixteen-bytes"}}};
  EXPECT_THAT(bench.ask("POST", "/drain"), HasSubstr(" 401 "));
  const LogLine line = bench.file.wait_for("admin_refused", {{"status", "401"}});
  EXPECT_EQ(line.at("what"), "/drain");
  EXPECT_THAT(bench.ask("GET", "/services", "evil.example"), HasSubstr(" 403 "));
  bench.file.wait_for("admin_refused", {{"status", "403"}, {"what", "/services"}});
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
  bob.frames.socket() = Socket();
  const LogLine ended = bench.file.wait_for("ended", {{"connection", connection}});
  EXPECT_THAT(ended.at("reason"), testing::StartsWith("peer_"));
  EXPECT_EQ(ended.at("queued_bytes"), "0");
  EXPECT_THAT(bench.file.text(), AllOf(Not(HasSubstr("secret text")), Not(HasSubstr(kSecret))));
}

TEST(Log, DebugIsTurnedOnAndOffBySighup) {
  LogBench bench;
  const Settings settings = bench.with_log(
      {{"MonitorPort", std::to_string(bench.gateway.monitor())}, {"LogLevel", "debug"}});
  Client alice = bench.log_in("alice");
  bench.world.config("gateway", "g1", settings);
  bench.gateway.process().signal(SIGHUP);
  bench.file.wait_for("reloaded");
  bench.file.wait_for("log_reopened");
  // Shards take it by mail, a moment later.
  wait_until("a login at debug", [&] {
    Client client = bench.log_in("bob");
    const std::string text = bench.file.text();
    return text.contains(R"("event": "login")") || text.contains(R"("event":"login")");
  });
  EXPECT_THAT(bench.file.text(), Not(HasSubstr("alice")));
}

// As logrotate does it: rename, signal, and the old file is nobody's any more.
TEST(Log, IsReopenedBySighupAfterARename) {
  LogBench bench;
  const LogFile old(bench.world, "ringgate.log.1");
  bench.file.wait_for("link_up");
  std::filesystem::rename(bench.file.path(), old.path());
  be_refused(bench.gateway);
  old.wait_for("login_refused");  // it is written on until the signal
  EXPECT_FALSE(std::filesystem::exists(bench.file.path()));
  bench.gateway.process().signal(SIGHUP);
  bench.file.wait_for("log_reopened");
  const std::string before = old.text();
  bench.file.wait_for("reloaded");
  Client bob = bench.log_in("bob");
  bench.ask("POST", "/kick?account=bob");
  bench.file.wait_for("admin_action");
  EXPECT_EQ(old.text(), before);
}

TEST(Log, AFileThatCannotBeOpenedAnewIsToldAndTheOldOneIsWrittenOn) {
  LogBench bench;
  bench.file.wait_for("link_up");
  const LogFile old(bench.world, "ringgate.log.1");
  std::filesystem::rename(bench.file.path(), old.path());
  std::filesystem::create_directory(bench.file.path());
  bench.gateway.process().signal(SIGHUP);
  const LogLine line = old.wait_for("log_not_reopened");
  EXPECT_EQ(line.at("level"), "error");
  old.wait_for("reloaded");
}

TEST(Log, AFileThatCannotBeMadeEndsTheStart) {
  expect_refused({"", "gateway", {{"LogFile", "/nowhere/ringgate.log"}}, {"LogFile", "/nowhere"}});
  expect_refused({"", "echo", {{"LogFormat", "xml"}}, {"LogFormat", "text or json"}});
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
