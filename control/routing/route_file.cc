#include "control/routing/route_file.h"

#include <algorithm>
#include <map>

#include "control/base/text_file.h"

namespace ringgate {

Result<ZoneTable> ZoneTable::make(RouteBy route_by, std::vector<WeightedZone> zones,
                                  std::vector<WhitelistEntry> whitelist) {
  if (zones.empty()) {
    return usage_error(
        "zones: there is no zone; add at least one such as {{\"id\": \"zone_a\", \"weight\": 1}}");
  }
  ZoneTable table;
  table.route_by_ = route_by;
  std::map<std::string_view, std::size_t> by_id;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < zones.size(); ++i) {
    const auto [known, is_new] = by_id.emplace(zones[i].id, i);
    if (!is_new) {
      return usage_error("zones[{}].id: \"{}\" is the id of zones[{}] too; rename or remove one", i,
                         zones[i].id, known->second);
    }
    sum += zones[i].weight;
    if (sum > kMaxZoneSlots) {
      return usage_error("zones[{}].weight: the weights add up to more than {}; lower them", i,
                         kMaxZoneSlots);
    }
    table.ends_.push_back(static_cast<std::uint32_t>(sum));
  }
  if (sum == 0) {
    return usage_error("zones: every weight is 0; give at least one zone a weight above 0");
  }
  for (std::size_t i = 0; i < whitelist.size(); ++i) {
    const auto zone = by_id.find(whitelist[i].zone);
    if (zone == by_id.end()) {
      return usage_error(
          "whitelist[{}].value: there is no zone \"{}\"; add it to zones, or correct the name", i,
          whitelist[i].zone);
    }
    table.whitelist_.emplace_back(std::move(whitelist[i].app), zone->second);
  }
  std::ranges::sort(table.whitelist_);
  const auto twin =
      std::ranges::adjacent_find(table.whitelist_, {}, &std::pair<std::string, std::size_t>::first);
  if (twin != table.whitelist_.end()) {
    return usage_error("whitelist: \"{}\" is there twice; remove one", twin->first);
  }
  table.zones_ = std::move(zones);
  return table;
}

Result<ZoneTable> ZoneTable::load(const std::filesystem::path& file) {
  // A pipe would hold up the control thread.
  std::error_code failure;
  if (std::filesystem::exists(file, failure) && !std::filesystem::is_directory(file, failure) &&
      !std::filesystem::is_regular_file(file, failure)) {
    return usage_error("{} is not a regular file; name a file of JSON", file.string());
  }
  auto text = read_text_file(file, kMaxRouteFileBytes);
  if (!text) return std::unexpected(text.error());
  auto table = parse(*text);
  if (!table) return usage_error("{}: {}", file.string(), table.error().message);
  return table;
}

std::optional<std::size_t> ZoneTable::whitelist_zone(std::string_view app) const noexcept {
  const auto at = std::ranges::lower_bound(
      whitelist_, app, {}, [](const auto& entry) -> std::string_view { return entry.first; });
  if (at == whitelist_.end() || at->first != app) return std::nullopt;
  return at->second;
}

std::size_t ZoneTable::zone_at(std::uint32_t slot) const noexcept {
  return static_cast<std::size_t>(std::ranges::upper_bound(ends_, slot) - ends_.begin());
}

}  // namespace ringgate
