// A real Prometheus that watches real processes by the shipped rules.
//
// Nothing of the rules is changed but `for:`, what an alert waits for: a test has no minutes. It is
// left out; RinggateDown waits for three seconds instead of a minute, as a busy machine may answer
// a scrape late. Expressions, ranges and thresholds are the shipped ones.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/integration/world.h"

namespace ringgate::test {

// A file of docs/monitoring/.
[[nodiscard]] std::string file_of_docs(const std::string& name);

class Prometheus {
 public:
  // Scrapes these monitor ports twice a second, and judges five times.
  Prometheus(const World& world, const std::vector<std::uint16_t>& ports);

  // Whether the expression has any value at all that is a number. Throws where Prometheus cannot
  // read it.
  [[nodiscard]] bool has(const std::string& expression) const;
  [[nodiscard]] bool fires(const std::string& alert) const;
  // Those that fire, but for those that a slow machine fires as well: they are about time.
  [[nodiscard]] std::set<std::string> firing() const;
  void wait_for(const std::string& alert) const;
  // Does it again and again until the alert fires.
  template <class Fault>
  void wait_for(const std::string& alert, Fault&& fault) const {
    wait_until(alert, [&] {
      fault();
      return fires(alert);
    });
  }
  // The same until the expression has a value.
  template <class Use>
  void wait_for_value(const std::string& expression, Use&& use) const {
    wait_until(expression, [&] {
      use();
      return has(expression);
    });
  }
  // Until it knows how fast the counters of each process grow, so that it sees them grow.
  void wait_for_rates() const;

 private:
  [[nodiscard]] std::vector<std::string> words(const World& world) const;

  std::vector<std::uint16_t> targets_;
  std::uint16_t port_;
  ProcessUnderTest process_;
};

}  // namespace ringgate::test
