// Candidates of a group, for tests of selectors.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "control/routing/catalogue.h"

namespace ringgate::test {

// Instances of "chat" in order of their ids, and pointers to them.
class TestServices {
 public:
  // (service id, zone)
  explicit TestServices(std::vector<std::pair<std::string, std::string>> services) {
    std::ranges::sort(services);
    for (auto& [id, zone] : services) {
      entries_.push_back({static_cast<std::uint32_t>(entries_.size() + 1), "chat", std::move(id),
                          std::move(zone), true, false});
    }
  }
  // chat000, chat001, …, all of one zone.
  explicit TestServices(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string digits = std::to_string(i);
      entries_.push_back({static_cast<std::uint32_t>(i + 1), "chat",
                          "chat" + std::string(3 - digits.size(), '0') + digits, "z", true, false});
    }
  }

  [[nodiscard]] Candidates candidates() const {
    Candidates all;
    for (const CatalogueEntry& entry : entries_) all.push_back(&entry);
    return all;
  }
  [[nodiscard]] Candidates without(std::size_t index) const {
    Candidates all = candidates();
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
    return all;
  }

 private:
  std::vector<CatalogueEntry> entries_;
};

}  // namespace ringgate::test
