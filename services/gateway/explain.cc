#include "services/gateway/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "codec/names.h"
#include "control/base/json_writer.h"
#include "services/auth/token.h"

namespace ringgate {
namespace {

bool connected(const RouteWorld& world, const CatalogueEntry& entry) {
  return !world.connected || world.connected(entry);
}

// "chat01 (zone a)"
std::string describe(const CatalogueEntry& entry, std::string_view more = {}) {
  std::string text = entry.service_id;
  if (entry.zone.empty() && more.empty()) return text;
  text += " (";
  if (!entry.zone.empty()) text += "zone " + entry.zone;
  if (!entry.zone.empty() && !more.empty()) text += ", ";
  return text.append(more).append(")");
}

std::string list(const std::vector<std::string>& texts) {
  return list_names({texts.begin(), texts.end()});
}

void explain_service(const RouteWorld& world, RouteExplanation& explanation) {
  const std::string& name = explanation.query.service;
  const auto alias = world.aliases.find(name);
  if (alias == world.aliases.end()) {
    explanation.service = name;
    explanation.steps.push_back(fmt::format("commands {}.* go to the service {}", name, name));
  } else {
    explanation.service = alias->second;
    explanation.steps.push_back(
        fmt::format("Routes sends commands {}.* to the service {}", name, alias->second));
  }
}

// Who may be chosen, who not, and why not.
Candidates explain_candidates(const RouteWorld& world, RouteExplanation& explanation) {
  Candidates candidates =
      candidates_of(world.catalogue, explanation.service,
                    [&world](const CatalogueEntry& entry) { return connected(world, entry); });
  std::vector<std::string> used;
  std::vector<std::string> unused;
  for (const CatalogueEntry& entry : world.catalogue.entries) {
    if (entry.name != explanation.service) continue;
    if (std::ranges::find(candidates, &entry) != candidates.end()) {
      used.push_back(describe(entry, entry.adult ? "" : "young"));
      explanation.candidates.push_back({entry.service_id, entry.zone});
    } else {
      const bool up = connected(world, entry);
      unused.push_back(describe(entry, entry.draining ? "draining" : up ? "young" : "no link"));
    }
  }
  if (used.empty() && unused.empty()) {
    std::vector<std::string> known;
    for (const CatalogueEntry& entry : world.catalogue.entries) {
      if (known.empty() || known.back() != entry.name) known.push_back(entry.name);
    }
    std::string text = fmt::format("no instance of {} is known", explanation.service);
    if (!followed_services(world.aliases).contains(explanation.service)) {
      text +=
          fmt::format(" and the gateway does not look for any: Routes has to name it, as {}: {}",
                      explanation.query.service, explanation.service);
    }
    explanation.steps.push_back(
        fmt::format("{}; there are instances of: {}", text, known.empty() ? "none" : list(known)));
    return candidates;
  }
  explanation.steps.push_back(fmt::format("candidates: {}", used.empty() ? "none" : list(used)));
  if (!unused.empty()) explanation.steps.push_back(fmt::format("not used: {}", list(unused)));
  return candidates;
}

void explain_choice(const RouteWorld& world, const Candidates& candidates,
                    RouteExplanation& explanation) {
  const RouteQuery& query = explanation.query;
  std::string channel = query.channel;
  if (channel.empty()) channel = fmt::format("{}_{}_example", world.gateway_id, query.account);
  const Selector& selector = selectors_of(world.catalogue).of(query.service);
  explanation.selector = selector_name(selector.kind());
  explanation.steps.push_back(
      fmt::format("the selector of {} is {}", query.service, explanation.selector));
  Explanation steps;
  const auto group = selector.prepare(candidates);
  group->explain({crc32_ieee(channel), query.account, query.app}, steps);
  std::ranges::move(steps.steps, std::back_inserter(explanation.steps));
  explanation.chosen = candidates[steps.selection.index]->service_id;
  explanation.zone_fallback = steps.selection.zone_fallback;
  explanation.by_channel = steps.by_channel;
  if (!steps.by_channel || !query.channel.empty()) return;
  explanation.example_channel = channel;
  explanation.steps.push_back(fmt::format(
      "the channel id is new at every login, so this is only an example, for the channel id {}: "
      "any of the {} candidates may be chosen; name a channel to know",
      channel, candidates.size()));
}

}  // namespace

Result<void> check_query(const RouteQuery& query) {
  if (!is_valid_app(query.app)) {
    return usage_error("app: give 1 to {} bytes of UTF-8 without commas and control characters",
                       kMaxAppBytes);
  }
  if (!is_valid_account(query.account)) {
    return usage_error("account: give 1 to {} bytes of UTF-8 without commas and control characters",
                       kMaxAccountBytes);
  }
  if (!valid_service_id(query.service) || query.service.find('.') != std::string::npos) {
    return usage_error("service: give the part of a command before its first dot, such as chat");
  }
  const bool none = query.channel.empty();
  if (!none && (!is_valid_foreign_id(query.channel) || query.channel.size() > kMaxChannelIdBytes)) {
    return usage_error(
        "channel: give a channel id as a login's answer has it, or none: at most {} bytes of UTF-8 "
        "without commas and control characters",
        kMaxChannelIdBytes);
  }
  return {};
}

RouteExplanation explain_route(const RouteWorld& world, const RouteQuery& query) {
  RouteExplanation explanation;
  explanation.query = query;
  explain_service(world, explanation);
  const Candidates candidates = explain_candidates(world, explanation);
  if (candidates.empty()) {
    explanation.selector = selector_name(selectors_of(world.catalogue).of(query.service).kind());
    explanation.steps.push_back("nobody can be chosen: such packets are answered with 300");
  } else {
    explain_choice(world, candidates, explanation);
  }
  return explanation;
}

std::string to_text(const RouteExplanation& explanation) {
  const RouteQuery& query = explanation.query;
  std::string text =
      fmt::format("{} for app {}, account {}: ", query.service, query.app, query.account);
  if (explanation.chosen.empty()) {
    text += "no service";
  } else if (!explanation.example_channel.empty()) {
    text += fmt::format("depends on the channel id; for example {}", explanation.chosen);
  } else {
    text += explanation.chosen;
  }
  text += '\n';
  for (std::size_t i = 0; i < explanation.steps.size(); ++i) {
    text += fmt::format("{:>3}. {}\n", i + 1, explanation.steps[i]);
  }
  return text;
}

std::string to_json(const RouteExplanation& explanation) {
  const RouteQuery& query = explanation.query;
  JsonWriter json;
  json.object("", [&] {
    json.text("app", query.app);
    json.text("account", query.account);
    json.text("service", query.service);
    json.text_or_null("channel", query.channel);
    json.text("instances_of", explanation.service);
    json.text("selector", explanation.selector);
    json.array("candidates", [&] {
      for (const RouteExplanation::Candidate& candidate : explanation.candidates) {
        json.object("", [&] {
          json.text("id", candidate.id);
          json.text("zone", candidate.zone);
        });
      }
    });
    json.array("steps", [&] {
      for (const std::string& step : explanation.steps) json.text("", step);
    });
    json.text_or_null("chosen", explanation.chosen);
    json.flag("zone_fallback", explanation.zone_fallback);
    json.flag("by_channel", explanation.by_channel);
    json.text_or_null("example_channel", explanation.example_channel);
  });
  return json.take();
}

Catalogue catalogue_of(const std::vector<Instance>& services, const std::set<std::string>& names,
                       std::shared_ptr<const SelectorSet> selectors) {
  Catalogue catalogue;
  catalogue.selectors = std::move(selectors);
  for (const Instance& service : services) {
    if (service.protocol != "tcp" || !names.contains(service.name)) continue;
    const auto number = static_cast<std::uint32_t>(catalogue.entries.size() + 1);
    catalogue.entries.push_back({number, service.name, service.id, service.zone, true, false});
  }
  std::ranges::sort(catalogue.entries, {}, [](const CatalogueEntry& entry) {
    return std::tie(entry.name, entry.service_id);
  });
  return catalogue;
}

}  // namespace ringgate
