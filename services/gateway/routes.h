// Which instances a command's packets can go to, as one shard sees it now: the catalogue's entries
// whose link is up here. Rebuilt when the catalogue or a link changes; read for every packet.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/routing/catalogue.h"
#include "control/routing/selector.h"
#include "services/gateway/upstreams/upstream.h"

namespace ringgate {

// Command's service name to another service name.
using ServiceAliases = std::map<std::string, std::string>;

// The services that a gateway looks for: the protocol's own, echo, and those of its aliases.
[[nodiscard]] std::set<std::string> followed_services(const ServiceAliases& aliases);

class Routes {
 public:
  struct Choice {
    Upstream* upstream = nullptr;  // null: no instance is connected
    bool zone_fallback = false;    // its zone has none that is: to be counted
    std::string_view zone = {};    // of either: where none was found; lives until the next rebuild
  };

  // `aliases` outlives this.
  explicit Routes(const ServiceAliases& aliases) : aliases_(aliases) {}

  // The catalogue and its selectors outlive this, or the next rebuild.
  void rebuild(const Catalogue& catalogue, Upstreams& upstreams);

  // The instance for a command's service name ("chat").
  [[nodiscard]] Choice select(std::string_view service, const SelectionKey& key) const noexcept;

  // "chat.user.talk" goes to "chat", what has no dot to "default".
  [[nodiscard]] static std::string_view service_of(std::string_view command) noexcept {
    const std::size_t dot = command.find('.');
    return dot == std::string_view::npos ? std::string_view("default") : command.substr(0, dot);
  }

 private:
  struct Group {
    std::string name;                         // as commands spell it
    std::unique_ptr<PreparedGroup> prepared;  // null: there is no candidate
    std::vector<Upstream*> upstreams;         // of each candidate
  };
  void add_group(const std::string& name, const std::string& service, const Catalogue& catalogue,
                 Upstreams& upstreams);

  const ServiceAliases& aliases_;
  const SelectorSet* selectors_ = nullptr;  // the catalogue's; null: there is none yet
  std::vector<Group> groups_;               // few: searched in order
};

}  // namespace ringgate
