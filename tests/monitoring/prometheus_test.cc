// The shipped rules and the shipped dashboard, under a real Prometheus that watches real processes:
// all is quiet while all is well, every panel has something to show, and what goes wrong is told.
#include <gtest/gtest.h>
#include <httplib.h>

#include <csignal>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "control/base/text_file.h"
#include "tests/common/certificates.h"
#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

std::string file_of_docs(const std::string& name) {
  return read_text_file(std::string(RINGGATE_SOURCE) + "/docs/monitoring/" + name, 1 << 20).value();
}

// The rules, but what they wait for: a test has no minutes.
std::string impatient_rules() {
  static const std::regex wait(R"( +for: .*\n)");
  return std::regex_replace(file_of_docs("ringgate.rules.yml"), wait, "");
}

std::set<std::string> alert_names() {
  static const std::regex alert(R"(alert: (\w+))");
  const std::string text = impatient_rules();
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), alert), end; at != end; ++at) {
    names.insert((*at)[1]);
  }
  return names;
}

class Prometheus {
 public:
  // Scrapes these and judges five times a second.
  Prometheus(const World& world, const std::vector<const Server*>& servers)
      : port_(free_port()), process_(words(world, servers)) {
    process_.wait_for_line("Server is ready to receive web requests");
  }

  // Whether the expression has any value at all. Throws where Prometheus cannot read it.
  [[nodiscard]] bool has(const std::string& expression) const {
    httplib::Client client("127.0.0.1", port_);
    const auto reply = client.Get("/api/v1/query", {{"query", expression}}, httplib::Headers{});
    if (!reply || reply->body.find(R"("status":"success")") == std::string::npos) {
      throw std::runtime_error(expression + ": " + (reply ? reply->body : "no answer"));
    }
    return reply->body.find(R"("result":[])") == std::string::npos;
  }
  [[nodiscard]] bool fires(const std::string& alert) const {
    return has("ALERTS{alertname=\"" + alert + "\",alertstate=\"firing\"}");
  }
  // Those that fire.
  [[nodiscard]] std::set<std::string> firing() const {
    std::set<std::string> firing;
    for (const std::string& name : alert_names()) {
      if (fires(name)) firing.insert(name);
    }
    return firing;
  }
  void wait_for(const std::string& alert) const {
    wait_until(alert, [&] { return fires(alert); });
  }
  // Until each of so many targets was scraped a few times, so that rates are known.
  void wait_for_rates(std::size_t targets) const {
    wait_until("rates", [&] {
      return has("count(count_over_time(process_cpu_seconds_total[1m]) > 5) == " +
                 std::to_string(targets));
    });
  }

 private:
  [[nodiscard]] std::vector<std::string> words(const World& world,
                                               const std::vector<const Server*>& servers) const {
    std::string targets;
    for (const Server* const server : servers) {
      targets += (targets.empty() ? "" : ", ");
      targets += "'127.0.0.1:" + std::to_string(server->monitor()) + "'";
    }
    world.folder().write("ringgate.rules.yml", impatient_rules());
    const auto file = world.folder().write(
        "prometheus.yml",
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n"
        "rule_files: [ringgate.rules.yml]\n"
        "scrape_configs:\n"
        "  - job_name: ringgate\n"
        "    static_configs: [{targets: [" +
            targets + "]}]\n");
    return {"prometheus", "--config.file=" + file.string(),
            "--storage.tsdb.path=" + (world.folder().path() / "tsdb").string(),
            "--web.listen-address=127.0.0.1:" + std::to_string(port_)};
  }

  std::uint16_t port_;
  ProcessUnderTest process_;
};

// --- The cluster --------------------------------------------------------------------------------

struct Cluster {
  [[nodiscard]] Settings gateway_settings() const {
    return {{"Listen", R"(["127.0.0.1:0", "tls://127.0.0.1:0"])"},
            {"TlsCert", folder.write("server.pem", certificate.pem()).string()},
            {"TlsKey", folder.write("server.key", certificate.key_pem()).string()},
            {"MaxConnections", "8"},
            {"LoginReserve", "0"},  // they do not log in, and stay
            {"Shards", "1"}};
  }

  TempDir folder;
  MadeCertificate authority = MadeCertificate::authority();
  MadeCertificate certificate = MadeCertificate::make(
      {.common_name = "localhost", .names = {"localhost"}, .to_s = 90L * 24 * 3600}, &authority);
  World world;
  std::optional<Redis> redis{std::in_place, world};
  Server login{world, "login", "login01", {{"RedisAddrs", redis->address()}}};
  Server chat{world, "chat", "chat01", {{"RedisAddrs", redis->address()}}};
  Server gateway{world, "gateway", "g1", gateway_settings()};
};

// The panels' expressions, with what Grafana would put for its variables.
std::vector<std::string> panel_expressions() {
  static const std::regex expression(R"re("expr": "((?:[^"\\]|\\.)*)")re");
  const std::string text = file_of_docs("ringgate-dashboard.json");
  std::vector<std::string> all;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) {
    std::string one = (*at)[1];
    for (const auto& [name, value] : std::map<std::string, std::string>{
             {"$__rate_interval", "1m"}, {"$job", ".*"}, {"$instance", ".*"}, {"\\\"", "\""}}) {
      for (std::size_t found; (found = one.find(name)) != std::string::npos;) {
        one.replace(found, name.size(), value);
      }
    }
    all.push_back(one);
  }
  return all;
}

TEST(Prometheus, IsQuietWhileAllIsWellAndHasSomethingForEachPanel) {
  Cluster cluster;
  wait_until("ready", [&] { return cluster.gateway.get("/ready").status == 200; });
  Client alice = log_in(cluster.gateway, "alice");
  Client bob = log_in(cluster.gateway, "bob");
  const Prometheus prometheus(cluster.world, {&cluster.gateway, &cluster.login, &cluster.chat});
  for (std::uint32_t sequence = 2; sequence < 20; ++sequence) {
    alice.send(talk("bob", "hello", sequence));
    EXPECT_TRUE(alice.next().is_answer(sequence));
    EXPECT_EQ(bob.next().header.command(), "chat.user.talk");
  }
  prometheus.wait_for_rates(3);
  EXPECT_EQ(prometheus.firing(), std::set<std::string>());
  const std::vector<std::string> expressions = panel_expressions();
  EXPECT_GT(expressions.size(), 30U);
  for (const std::string& expression : expressions) {
    EXPECT_TRUE(prometheus.has(expression)) << expression;
  }
}

TEST(Prometheus, TellsOfWhatIsFullOrRefused) {
  Cluster cluster;
  wait_until("ready", [&] { return cluster.gateway.get("/ready").status == 200; });
  const Prometheus prometheus(cluster.world, {&cluster.gateway});
  std::vector<Socket> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(Socket::connect(cluster.gateway.port()));
  prometheus.wait_for("RinggateNearlyFull");
  prometheus.wait_for("RinggateFull");
  prometheus.wait_for("RinggateNotReady");
  const std::string file = (cluster.world.folder().path() / "g1.yaml").string();
  std::ofstream(file, std::ios::app) << "NoSuchKey: 1\n";
  cluster.gateway.process().signal(SIGHUP);
  prometheus.wait_for("RinggateConfigurationRefused");
  // A gateway that takes no new clients is not ready for them.
  const std::set<std::string> expected = {"RinggateNearlyFull", "RinggateFull", "RinggateNotReady",
                                          "RinggateConfigurationRefused"};
  EXPECT_EQ(prometheus.firing(), expected);
}

TEST(Prometheus, TellsOfServicesAndStoresThatAreGone) {
  Cluster cluster;
  wait_until("ready", [&] { return cluster.gateway.get("/ready").status == 200; });
  Client alice = log_in(cluster.gateway, "alice");
  const Prometheus prometheus(cluster.world, {&cluster.gateway, &cluster.login, &cluster.chat});
  prometheus.wait_for_rates(3);
  cluster.chat.process().signal(SIGKILL);
  prometheus.wait_for("RinggateDown");
  prometheus.wait_for("RinggateLinksDown");
  std::uint32_t sequence = 1;
  wait_until("RinggateRequestsFail", [&] {
    alice.send(talk("bob", "hello", ++sequence));
    EXPECT_TRUE(alice.next().is_answer(sequence, pkt::SystemException));
    return prometheus.fires("RinggateRequestsFail");
  });
  cluster.redis.reset();
  prometheus.wait_for("RinggateStoreDown");
  prometheus.wait_for("RinggateNotReady");
  wait_until("RinggateLoginsFail", [&] {
    FrameSocket bob = cluster.gateway.connect();
    bob.send(login(token("bob")));
    EXPECT_TRUE(bob.next().is_answer(1, pkt::SystemException));
    return prometheus.fires("RinggateLoginsFail");
  });
}

}  // namespace
}  // namespace ringgate::test
