// What a monitoring system reads of a process, beside the names that metric_names_test.cc holds:
// histograms, sums over shards, the process itself; and what Prometheus' own checker says to them.
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "control/base/text_file.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/tls_files.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

double count_of(const Server& server, const std::string& histogram, const std::string& label = {}) {
  return server.metric("ringgate_" + histogram + "_count", label);
}

TEST(Metrics, TellHowLongLoginsAndForwardsTook) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  for (std::uint32_t sequence = 2; sequence <= 4; ++sequence) {
    alice.send(talk("bob", "hello", sequence));
    bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
    EXPECT_TRUE(alice.next().is_answer(sequence));
  }
  EXPECT_EQ(count_of(bench.gateway, "login_seconds"), 1);
  EXPECT_EQ(count_of(bench.gateway, "forward_seconds", R"(service="login")"), 1);
  EXPECT_EQ(count_of(bench.gateway, "forward_seconds", R"(service="chat")"), 3);
  EXPECT_EQ(count_of(bench.gateway, "forward_seconds", R"(service="other")"), 0);
  EXPECT_GT(bench.gateway.metric("ringgate_forward_seconds_sum", R"(service="chat")"), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_forward_seconds_bucket", R"(service="chat",le="+Inf")"),
            3);
  EXPECT_GT(count_of(bench.gateway, "turn_seconds"), 0);
  EXPECT_EQ(count_of(bench.gateway, "send_seconds"), bench.gateway.metric("ringgate_sends_total"));
}

// A request that is not answered has taken no time that could be told.
TEST(Metrics, OfARefusedLoginAreNotThoseOfALogin) {
  ChatBench bench;
  FrameSocket alice = bench.gateway.connect();
  alice.send(login(token("alice")));
  bench.link.respond(bench.link.request("login.signin"), {}, pkt::Unauthorized);
  EXPECT_TRUE(alice.next().is_answer(1, pkt::Unauthorized));
  EXPECT_EQ(count_of(bench.gateway, "login_seconds"), 0);
  EXPECT_EQ(count_of(bench.gateway, "forward_seconds", R"(service="login")"), 1);
}

// Which instance fails, and which of one's own commands is used how often.
TEST(Metrics, TellOfEachInstanceAndOfOwnCommands) {
  ChatBench bench{{{"AnswerTimeout", "150ms"}, {"MaxCommandSeries", "3"}}};
  Client alice = bench.log_in("alice");
  const auto ask = [&](const std::string& command, std::uint32_t sequence) {
    alice.send(packet(header(command, sequence), "x"));
    return bench.chat_link.request(command);
  };
  for (std::uint32_t sequence = 2; sequence <= 4; ++sequence) {
    bench.chat_link.respond(ask("chat.own", sequence));
    EXPECT_TRUE(alice.next().is_answer(sequence));
  }
  bench.chat_link.respond(ask("chat.second", 5));  // beyond the bound
  EXPECT_TRUE(alice.next().is_answer(5));
  bench.chat_link.respond(ask("chat.second", 6));
  EXPECT_TRUE(alice.next().is_answer(6));
  ask("chat.third", 7);  // has no answer
  EXPECT_TRUE(alice.next().is_answer(7, pkt::SystemException));
  const auto of_chat = [&](const std::string& metric, const std::string& result) {
    return bench.gateway.metric("ringgate_instance_" + metric + "_total",
                                R"(service="chat",instance_id="chat01",result=")" + result + '"');
  };
  EXPECT_EQ(of_chat("forwards", "forwarded"), 6);
  EXPECT_EQ(of_chat("forwards", "failed"), 0);
  EXPECT_EQ(of_chat("answers", "answered"), 5);
  EXPECT_EQ(of_chat("answers", "unanswered"), 1);
  EXPECT_GE(bench.gateway.metric("ringgate_instance_answer_seconds_total", "chat01"), 0);
  const auto of_command = [&](const std::string& command) {
    return bench.gateway.metric("ringgate_own_commands_total", "command=\"" + command + '"');
  };
  EXPECT_EQ(of_command("chat.own"), 2) << "the first had no name yet";
  EXPECT_EQ(of_command("other"), 4);
  EXPECT_EQ(of_command("chat.second"), -1);
}

TEST(Metrics, TellOfPushesOfOwnCommands) {
  ChatBench bench{{{"Shards", "1"}}};
  Client alice = bench.log_in("alice");
  for (int i = 0; i < 3; ++i) bench.chat_link.push("g1", alice.channel, "x", "chat.tick");
  bench.chat_link.push("g1", alice.channel, "x", "nobody.knows");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(alice.next().kind, Event::Kind::kLogic);
  const auto pushes_of = [&](const std::string& command) {
    return bench.gateway.metric("ringgate_own_pushes_total", "command=\"" + command + '"');
  };
  EXPECT_EQ(pushes_of("chat.tick"), 3);
  EXPECT_EQ(pushes_of("other"), 1) << "of a service that nobody routes to";
}

// What fires an alert is what services do, not what a client asks for; and commands that clients of
// echo make up leave other services their names.
TEST(Metrics, AClientThatAsksForWhatNobodyHasTakesNothingFromOthers) {
  World world;
  RawService login_service(world, "login01", "login");
  RawService chat_service(world, "chat01", "chat");
  const Server echo(world, "echo", "echo01");
  const Server gateway(world, "gateway", "g1", {{"MaxCommandSeries", "6"}, {"Shards", "1"}});
  Link login_link = login_service.accept();
  Link chat_link = chat_service.accept();
  gateway.wait_metric("ringgate_links", 3);
  Client mallory = log_in(gateway, login_link, "mallory");
  std::uint32_t sequence = 1;
  for (int i = 0; i < 20; ++i) {
    mallory.send(packet(header("echo.c" + std::to_string(i), ++sequence), "x"));
    ASSERT_TRUE(mallory.next().is_answer(sequence));
    mallory.send(packet(header("nobody.c" + std::to_string(i), ++sequence), "x"));
    ASSERT_TRUE(mallory.next().is_answer(sequence, pkt::SystemException));
  }
  const auto forwards = [&](const std::string& labels) {
    return gateway.metric("ringgate_forwards_total", labels);
  };
  EXPECT_EQ(forwards(R"(service="other",result="no_service")"), 20);
  for (const char* const service : {"chat", "login", "echo"}) {
    for (const char* const result : {"failed", "no_service"}) {
      EXPECT_EQ(forwards(std::string("service=\"") + service + "\",result=\"" + result + '"'), 0);
    }
  }
  for (int i = 0; i < 2; ++i) {
    mallory.send(packet(header("chat.own", ++sequence), "x"));
    chat_link.respond(chat_link.request("chat.own"));
    ASSERT_TRUE(mallory.next().is_answer(sequence));
  }
  EXPECT_EQ(gateway.metric("ringgate_own_commands_total", R"(command="chat.own")"), 1);
  EXPECT_EQ(gateway.metric("ringgate_own_commands_total", R"(command="echo.c19")"), -1);
}

TEST(Metrics, TellHowManyAPushIsForAndHowLongItTook) {
  ChatBench bench{{{"Shards", "2"}}};
  std::vector<Client> clients;
  std::string channels;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(bench.log_in("user" + std::to_string(i)));
    channels += (i == 0 ? "" : ",") + clients.back().channel;
  }
  bench.chat_link.push("g1", channels, "to all");
  bench.chat_link.push("g1", clients.front().channel, "to one");
  for (Client& client : clients) EXPECT_EQ(client.next().body, "to all");
  EXPECT_EQ(clients.front().next().body, "to one");
  const auto receivers = [&](const std::string& most) {
    return bench.gateway.metric("ringgate_push_receivers_bucket", "le=\"" + most + "\"");
  };
  EXPECT_EQ(receivers("1"), 1);
  EXPECT_EQ(receivers("10"), 1);
  EXPECT_EQ(receivers("25"), 2);
  EXPECT_EQ(bench.gateway.metric("ringgate_push_receivers_sum"), 13);
  // One for each shard that has some of them.
  EXPECT_GE(count_of(bench.gateway, "push_seconds"), 2);
  EXPECT_LE(count_of(bench.gateway, "push_seconds"), 3);
}

TEST(Metrics, AreSumsOverShardsUnlessEachIsAskedFor) {
  const World world;
  const Server gateway(world, "gateway", "g1", {{"Shards", "3"}});
  std::vector<Socket> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(Socket::connect(gateway.port()));
  gateway.wait_metric_is("ringgate_clients", 10);
  const std::string sums = gateway.get("/metrics").body;
  EXPECT_THAT(sums, Not(HasSubstr("shard=\"")));
  EXPECT_THAT(sums, HasSubstr("ringgate_shards{service_id=\"g1\"} 3\n"));
  const std::string each = gateway.get("/metrics?per_shard=1").body;
  double clients_of_each = 0;
  for (int shard = 0; shard < 3; ++shard) {
    const std::string series =
        "ringgate_clients{service_id=\"g1\",shard=\"" + std::to_string(shard) + "\"} ";
    const std::size_t at = each.find(series);
    ASSERT_NE(at, std::string::npos) << series;
    clients_of_each += std::strtod(each.c_str() + at + series.size(), nullptr);
  }
  EXPECT_EQ(clients_of_each, 10);
  EXPECT_THAT(each, HasSubstr("ringgate_turn_seconds_count{service_id=\"g1\",shard=\"2\"}"));
}

TEST(Metrics, TellOfTheProcessAndItsLimits) {
  const World world;
  Server gateway(world, "gateway", "g1", {{"MaxConnections", "1000"}, {"Shards", "2"}});
  const std::string page = gateway.get("/metrics").body;
  EXPECT_THAT(page, testing::ContainsRegex(
                        "ringgate_build_info\\{version=\"[0-9.]+\",commit=\"[^\"]*\"\\} 1"));
  EXPECT_GE(gateway.metric("ringgate_clients_limit"), 1000);
  EXPECT_GT(gateway.metric("ringgate_client_queue_limit_bytes"), 0);
  EXPECT_GT(gateway.metric("process_open_fds"), 5);
  EXPECT_GT(gateway.metric("process_max_fds"), gateway.metric("process_open_fds"));
  EXPECT_GE(gateway.metric("process_threads"), 3);
  EXPECT_GT(gateway.metric("process_resident_memory_bytes"), 1'000'000);
  EXPECT_GE(gateway.metric("process_cpu_seconds_total"), 0);
  // Not before this machine was started, and not in the future.
  const double started = gateway.metric("process_start_time_seconds");
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(started, now + 1);
  EXPECT_GT(started, now - 3600);
}

TEST(Metrics, TellWhetherTheConfigurationIsInUse) {
  const World world;
  Server gateway(world, "gateway", "g1");
  const std::string file = (world.folder().path() / "g1.yaml").string();
  EXPECT_EQ(gateway.metric("ringgate_last_reload_successful"), 1);
  EXPECT_EQ(gateway.metric("ringgate_last_reload_success_timestamp_seconds"), 0);
  const std::string good = read_text_file(file, 1 << 16).value();
  std::ofstream(file, std::ios::app) << "NoSuchKey: 1\n";
  gateway.process().signal(SIGHUP);
  gateway.wait_metric_is("ringgate_reloads_total", 1, R"(result="refused")");
  EXPECT_EQ(gateway.metric("ringgate_last_reload_successful"), 0);
  std::ofstream(file) << good;
  gateway.process().signal(SIGHUP);
  gateway.wait_metric_is("ringgate_reloads_total", 1, R"(result="good")");
  EXPECT_EQ(gateway.metric("ringgate_last_reload_successful"), 1);
  EXPECT_GT(gateway.metric("ringgate_last_reload_success_timestamp_seconds"), 1.7e9);
}

// What `promtool check metrics` says to a page.
std::string checked(const World& world, const std::string& page) {
  const auto file = world.folder().write("metrics.txt", page);
  std::string words;
  FILE* const pipe = popen(("promtool check metrics <" + file.string() + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "promtool cannot be started";
  std::array<char, 4096> some{};
  while (const std::size_t bytes = fread(some.data(), 1, some.size(), pipe)) {
    words.append(some.data(), bytes);
  }
  const int status = pclose(pipe);
  return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? words : "promtool is not there";
}

// The kim_ names are those that dashboards of existing gateways read: they stay as they are.
TEST(Metrics, PrometheusOwnCheckerFindsNothingInWhatIsOurs) {
  const TlsFiles files;
  TalkBench bench(files.settings(
      {{"MonitorTlsCert", files.path("server.pem")}, {"MonitorTlsKey", files.path("server.key")}}));
  EXPECT_THAT(bench.gateway.get("/metrics").body,
              AllOf(HasSubstr("ringgate_tls_certificate_expiry_timestamp_seconds{"),
                    HasSubstr("ringgate_http_certificate_expiry_timestamp_seconds{")));
  for (const Server* const server : {&bench.gateway, &bench.chat}) {
    const std::string page = server->get("/metrics?per_shard=1").body;
    ASSERT_THAT(page, HasSubstr("ringgate_clients"));
    std::istringstream lines(checked(bench.world, page));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_EQ(line.substr(0, 4), "kim_") << line;
    }
  }
  EXPECT_THAT(checked(bench.world, "# TYPE ringgate_x counter\nringgate_x 1\n"),
              HasSubstr("ringgate_x"))
      << "the checker finds what is wrong";
}

}  // namespace
}  // namespace ringgate::test
