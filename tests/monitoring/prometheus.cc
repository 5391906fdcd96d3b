#include "tests/monitoring/prometheus.h"

#include <httplib.h>

#include <regex>
#include <sstream>
#include <stdexcept>

#include "control/base/text_file.h"
#include "tests/common/free_port.h"

namespace ringgate::test {
namespace {

const std::set<std::string> kAlertsOfTimes = {"RinggateTurnsLong", "RinggateRequestsSlow",
                                              "RinggateStoreSlow"};

std::string impatient_rules() {
  std::istringstream rules(file_of_docs("ringgate.rules.yml"));
  std::string impatient;
  std::string alert;
  for (std::string line; std::getline(rules, line);) {
    const std::size_t name = line.find("- alert: ");
    if (name != std::string::npos) alert = line.substr(name + 9);
    if (line.find(" for: ") != std::string::npos) {
      if (alert != "RinggateDown") continue;
      line = "        for: 3s";
    }
    impatient += line + "\n";
  }
  return impatient;
}

std::set<std::string> alert_names() {
  static const std::regex alert(R"(alert: (\w+))");
  const std::string text = file_of_docs("ringgate.rules.yml");
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), alert), end; at != end; ++at) {
    names.insert((*at)[1]);
  }
  return names;
}

}  // namespace

std::string file_of_docs(const std::string& name) {
  return read_text_file(std::string(RINGGATE_SOURCE) + "/docs/monitoring/" + name, 1 << 20).value();
}

Prometheus::Prometheus(const World& world, const std::vector<std::uint16_t>& ports)
    : targets_(ports), port_(free_port()), process_(words(world)) {
  process_.wait_for_line("Server is ready to receive web requests");
}

bool Prometheus::has(const std::string& expression) const {
  httplib::Client client("127.0.0.1", port_);
  // What is no number is not above anything.
  const std::string number = "(" + expression + ") > -Inf";
  const auto reply = client.Get("/api/v1/query", {{"query", number}}, httplib::Headers{});
  if (!reply || reply->body.find(R"("status":"success")") == std::string::npos) {
    throw std::runtime_error(expression + ": " + (reply ? reply->body : "no answer"));
  }
  return reply->body.find(R"("result":[])") == std::string::npos;
}

bool Prometheus::fires(const std::string& alert) const {
  return has("ALERTS{alertname=\"" + alert + "\",alertstate=\"firing\"}");
}

std::set<std::string> Prometheus::firing() const {
  std::set<std::string> firing;
  for (const std::string& name : alert_names()) {
    if (!kAlertsOfTimes.contains(name) && fires(name)) firing.insert(name);
  }
  return firing;
}

void Prometheus::wait_for(const std::string& alert) const {
  wait_until(alert, [&] { return fires(alert); });
}

void Prometheus::wait_for_rates() const {
  wait_until("rates", [&] {
    return has("count(count_over_time(process_cpu_seconds_total[1m]) > 2) == " +
               std::to_string(targets_.size()));
  });
}

std::vector<std::string> Prometheus::words(const World& world) const {
  std::string targets;
  for (const std::uint16_t target : targets_) {
    targets += (targets.empty() ? "" : ", ");
    targets += "'127.0.0.1:" + std::to_string(target) + "'";
  }
  world.folder().write("ringgate.rules.yml", impatient_rules());
  const auto file = world.folder().write(
      "prometheus.yml",
      "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 200ms}\n"
      "rule_files: [ringgate.rules.yml]\n"
      "scrape_configs:\n"
      "  - job_name: ringgate\n"
      "    static_configs: [{targets: [" +
          targets + "]}]\n");
  return {"prometheus", "--config.file=" + file.string(),
          "--storage.tsdb.path=" + (world.folder().path() / "tsdb").string(),
          "--web.listen-address=127.0.0.1:" + std::to_string(port_)};
}

}  // namespace ringgate::test
