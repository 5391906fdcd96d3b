// While all is well no alert fires, and every panel of the dashboard has something to show.
#include "tests/monitoring/prometheus.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/monitoring/cluster.h"

namespace ringgate::test {
namespace {

// The panels' expressions, with what Grafana would put for its variables. Some say "or vector(0)",
// which there always is: what stands before has to be there.
std::vector<std::string> panel_expressions() {
  static const std::regex expression(R"re("expr": "((?:[^"\\]|\\.)*)")re");
  const std::string text = file_of_docs("ringgate-dashboard.json");
  std::vector<std::string> all;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) {
    std::string one = (*at)[1];
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"$__rate_interval", "1m"},
                                            {"$job", ".*"},
                                            {"$instance", ".*"},
                                            {"\\\"", "\""},
                                            {" > 0 or vector(0)", ""}}) {
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
  Client alice = log_in(cluster.gateway, "alice");
  Client bob = log_in(cluster.gateway, "bob");
  const Prometheus prometheus(
      cluster.world, {cluster.gateway.monitor(), cluster.login.monitor(), cluster.chat.monitor()});
  prometheus.wait_for_rates();
  std::uint32_t sequence = 1;
  const auto use = [&] {
    alice.send(talk("bob", "hello", ++sequence));
    EXPECT_TRUE(alice.next().is_answer(sequence));
    EXPECT_EQ(bob.next().header.command(), "chat.user.talk");
    static_cast<void>(log_in(cluster.gateway, "carol"));
    static_cast<void>(Socket::connect_tls(cluster.gateway.tls_port()));
  };
  const std::vector<std::string> expressions = panel_expressions();
  EXPECT_GT(expressions.size(), 30U);
  for (const std::string& expression : expressions) prometheus.wait_for_value(expression, use);
  EXPECT_EQ(prometheus.firing(), std::set<std::string>());
}

}  // namespace
}  // namespace ringgate::test
