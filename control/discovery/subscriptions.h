// The watchers of a registry and what each was told last, so that only changes are reported.
// Belongs to its registry's control thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/discovery/registry.h"

namespace ringgate {

class Subscriptions {
 public:
  // Calls watcher with the list before it returns.
  void add(std::string_view name, Registry::Watcher watcher, std::vector<Instance> now) {
    auto entry = std::make_shared<Entry>(Entry{std::move(watcher), std::move(now)});
    entries_.insert_or_assign(std::string(name), entry);
    entry->watcher(std::vector<Instance>(entry->told));
  }

  void remove(std::string_view name) {
    const auto at = entries_.find(name);
    if (at != entries_.end()) entries_.erase(at);
  }

  // Asks current(name) for every watched name, and tells those whose list changed. A watcher may
  // add and remove subscriptions, its own too.
  template <class Current>
  void tell_changes(Current&& current) {
    std::vector<std::string> names;
    names.reserve(entries_.size());
    for (const auto& [name, entry] : entries_) names.push_back(name);
    for (const std::string& name : names) {
      const auto at = entries_.find(name);
      if (at == entries_.end()) continue;
      std::vector<Instance> now = current(name);
      if (now == at->second->told) continue;
      const std::shared_ptr<Entry> entry = at->second;  // Outlives its removal by the watcher.
      entry->told = now;
      entry->watcher(now);
    }
  }

 private:
  struct Entry {
    Registry::Watcher watcher;
    std::vector<Instance> told;
  };

  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;
};

}  // namespace ringgate
