// What became of packets, by the service that their command names: a bounded set of labels, fixed
// at start. Written by one shard, read by any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/cell.h"
#include "dataplane/histogram.h"

namespace ringgate {

class ServiceCounters {
 public:
  struct Row {
    Cell forwarded;
    Cell failed;      // a queue or a table was full
    Cell too_long;    // the client's own doing: longer than the service takes
    Cell no_service;  // none is connected
    Histogram took;   // from the turn that read a request to the one that read its answer
  };

  // The protocol's own services, echo, and those that `aliases` names; everything else is "other".
  explicit ServiceCounters(const std::map<std::string, std::string>& aliases)
      : names_{"login", "chat", "echo"} {
    for (const auto& [name, service] : aliases) names_.push_back(name);
    std::ranges::sort(names_);
    names_.erase(std::ranges::unique(names_).begin(), names_.end());
    names_.push_back("other");
    rows_ = std::make_unique<Row[]>(names_.size());
  }

  // Which of the rows is this service's.
  [[nodiscard]] std::uint16_t index_of(std::string_view service) const noexcept {
    const std::size_t other = names_.size() - 1;
    std::size_t i = 0;
    while (i < other && names_[i] != service) ++i;
    return static_cast<std::uint16_t>(i);
  }
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  // Those that are asked for clients: all but the rest.
  [[nodiscard]] std::size_t known() const noexcept { return names_.size() - 1; }
  [[nodiscard]] Row& at(std::uint16_t index) noexcept { return rows_[index]; }

  template <class Use>
  void for_each(Use&& use) const {
    for (std::size_t i = 0; i < names_.size(); ++i) use(names_[i], rows_[i]);
  }

 private:
  std::vector<std::string> names_;
  std::unique_ptr<Row[]> rows_;
};

}  // namespace ringgate
