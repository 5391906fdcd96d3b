// Which instances a command's packets can go to, as one shard sees it now: the catalogue's entries
// whose link is up here. Rebuilt when the catalogue or a link changes; read for every packet.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/catalogue.h"
#include "control/selector.h"
#include "dataplane/upstream.h"

namespace ringgate {

class Routes {
 public:
  // `aliases` maps the service name of a command to another service name; outlives this.
  Routes(const std::map<std::string, std::string>& aliases, const Selector& selector)
      : aliases_(aliases), selector_(selector) {}

  // The catalogue outlives this, or the next rebuild.
  void rebuild(const Catalogue& catalogue, Upstreams& upstreams);

  // The instance for a command's service name ("chat"), or null when none is connected.
  [[nodiscard]] Upstream* select(std::string_view service, const SelectionKey& key) const noexcept;

  // "chat.user.talk" goes to "chat", what has no dot to "default".
  [[nodiscard]] static std::string_view service_of(std::string_view command) noexcept {
    const std::size_t dot = command.find('.');
    return dot == std::string_view::npos ? std::string_view("default") : command.substr(0, dot);
  }

 private:
  struct Group {
    std::string name;                               // as commands spell it
    std::vector<const CatalogueEntry*> candidates;  // sorted by service id
    std::vector<Upstream*> upstreams;               // of each candidate
  };
  void add_group(const std::string& name, const std::string& service, const Catalogue& catalogue,
                 Upstreams& upstreams);

  const std::map<std::string, std::string>& aliases_;
  const Selector& selector_;
  std::vector<Group> groups_;  // few: searched in order
};

}  // namespace ringgate
