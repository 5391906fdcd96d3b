#include "control/routing/by_zone.h"

#include <fmt/format.h>

#include <unordered_map>

namespace ringgate {
namespace {

std::size_t zone_number(const ZoneTable& table, const SelectionKey& key,
                        std::uint32_t account_crc) noexcept {
  if (const auto zone = table.whitelist_zone(key.app)) return *zone;
  const bool by_app = table.route_by() == RouteBy::kApp;
  return table.zone_at((by_app ? crc32_ieee(key.app) : account_crc) % table.slots());
}

class RouteGroup final : public PreparedGroup {
 public:
  RouteGroup(const ZoneTable& table, Candidates candidates);

  [[nodiscard]] Selection select(const SelectionKey& key) const noexcept override {
    const std::uint32_t account_crc = crc32_ieee(key.account);
    const std::size_t zone = zone_number(table_, key, account_crc);
    const std::vector<std::size_t>& members = in_zone_[zone];
    if (members.empty()) return {by_hash(key), true, table_.zones()[zone].id};
    return {members[slot_of(account_crc, members.size()) / kSlotsPerService]};
  }
  void explain(const SelectionKey& key, Explanation& explanation) const override;

 private:
  static constexpr std::uint64_t kSlotsPerService = 10;

  // Below 10 n, so that a tenth of it is the number of one of n services.
  static std::uint64_t slot_of(std::uint32_t account_crc, std::size_t services) noexcept {
    return account_crc % (kSlotsPerService * services);
  }
  void explain_zone(const SelectionKey& key, std::vector<std::string>& steps) const;
  void explain_member(const SelectionKey& key, std::size_t zone, Explanation& explanation) const;

  const ZoneTable& table_;
  std::vector<std::vector<std::size_t>> in_zone_;  // candidates of each of the table's zones
};

RouteGroup::RouteGroup(const ZoneTable& table, Candidates all)
    : PreparedGroup(std::move(all)), table_(table), in_zone_(table.zones().size()) {
  std::unordered_map<std::string_view, std::size_t> numbers;
  for (const WeightedZone& zone : table.zones()) numbers.emplace(zone.id, numbers.size());
  for (std::size_t i = 0; i < candidates().size(); ++i) {
    const auto zone = numbers.find(candidates()[i]->zone);
    if (zone != numbers.end()) in_zone_[zone->second].push_back(i);
  }
}

void RouteGroup::explain(const SelectionKey& key, Explanation& explanation) const {
  explain_zone(key, explanation.steps);
  explain_member(key, zone_number(table_, key, crc32_ieee(key.account)), explanation);
  explanation.selection = select(key);
}

void RouteGroup::explain_zone(const SelectionKey& key, std::vector<std::string>& steps) const {
  if (const auto zone = table_.whitelist_zone(key.app)) {
    steps.push_back(
        fmt::format("the whitelist sends app {} to zone {}", key.app, table_.zones()[*zone].id));
    return;
  }
  steps.push_back(fmt::format("the whitelist has no app {}", key.app));
  const bool by_app = table_.route_by() == RouteBy::kApp;
  const std::string_view text = by_app ? key.app : key.account;
  const std::uint32_t slot = crc32_ieee(text) % table_.slots();
  const WeightedZone& zone = table_.zones()[table_.zone_at(slot)];
  steps.push_back(
      fmt::format("route_by is {}: crc32({}) = {} % {} = {} → zone {} (weight {} of {})",
                  by_app ? "app" : "account", text, crc32_ieee(text), table_.slots(), slot, zone.id,
                  zone.weight, table_.slots()));
}

void RouteGroup::explain_member(const SelectionKey& key, std::size_t zone,
                                Explanation& explanation) const {
  const std::string& zone_id = table_.zones()[zone].id;
  const std::vector<std::size_t>& members = in_zone_[zone];
  if (members.empty()) {
    explanation.steps.push_back(
        fmt::format("zone {} has none of the {} candidates: any of them, by hash (counted as a "
                    "zone fallback)",
                    zone_id, candidates().size()));
    explain_by_hash(key, explanation);
    return;
  }
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const std::size_t index : members) names.push_back(id(index));
  explanation.steps.push_back(fmt::format("zone {} has {} of the {} candidates: {}", zone_id,
                                          members.size(), candidates().size(), list_names(names)));
  const std::uint32_t crc = crc32_ieee(key.account);
  const std::uint64_t slot = slot_of(crc, members.size());
  explanation.steps.push_back(fmt::format("crc32({}) = {} % {} = {}; / {} = {} → {}", key.account,
                                          crc, kSlotsPerService * members.size(), slot,
                                          kSlotsPerService, slot / kSlotsPerService,
                                          id(members[slot / kSlotsPerService])));
}

}  // namespace

std::string_view ZoneSelector::zone_of(const SelectionKey& key) const noexcept {
  return table_.zones()[zone_number(table_, key, crc32_ieee(key.account))].id;
}

std::unique_ptr<PreparedGroup> ZoneSelector::prepare(Candidates candidates) const {
  return std::make_unique<RouteGroup>(table_, std::move(candidates));
}

}  // namespace ringgate
