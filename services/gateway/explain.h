// Which service a gateway would choose for an account, and why, step by step: for a person, and as
// JSON for a program. Pure functions over what a gateway knows; the thread is that of the catalogue
// (control's, in a running gateway).
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/discovery/instance.h"
#include "control/routing/catalogue.h"
#include "control/routing/selector_set.h"
#include "services/gateway/routes.h"

namespace ringgate {

struct RouteQuery {
  std::string app;
  std::string account;
  std::string service = "chat";  // as commands spell it
  std::string channel{};         // empty: none, as before a login
};

// An error says which part of the query is missing or not as a token or a command could have it.
Result<void> check_query(const RouteQuery& query);

// What is known of the services.
struct RouteWorld {
  const Catalogue& catalogue;  // with its selectors
  const ServiceAliases& aliases;
  std::string_view gateway_id;
  // Whether packets can be sent to an instance; empty: it is not known, and taken to be so.
  std::function<bool(const CatalogueEntry&)> connected;
};

struct RouteExplanation {
  struct Candidate {
    std::string id;
    std::string zone;
  };
  RouteQuery query;
  std::string service;   // the name that instances register under
  std::string selector;  // "hash", "route", "rendezvous"
  std::vector<Candidate> candidates;
  std::vector<std::string> steps;
  std::string chosen;           // empty: none can be chosen
  bool zone_fallback = false;   // its zone has no candidate
  bool by_channel = false;      // another channel may get another service
  std::string example_channel;  // what was taken where the query has no channel and it matters
};

// check_query() holds.
[[nodiscard]] RouteExplanation explain_route(const RouteWorld& world, const RouteQuery& query);

// Lines for a terminal, with the last line's end.
[[nodiscard]] std::string to_text(const RouteExplanation& explanation);
// One object: {"app", "account", "service", "channel", "instances_of", "selector", "candidates":
// [{"id", "zone"}], "steps": [], "chosen", "zone_fallback", "by_channel", "example_channel"}.
// `channel`, `chosen` and `example_channel` are null where there is none.
[[nodiscard]] std::string to_json(const RouteExplanation& explanation);

// The catalogue that a gateway would make of these at start: all of them adult, of those names and
// dialled over TCP.
[[nodiscard]] Catalogue catalogue_of(const std::vector<Instance>& services,
                                     const std::set<std::string>& names,
                                     std::shared_ptr<const SelectorSet> selectors);

}  // namespace ringgate
