// The route file: how accounts or apps are spread over zones, and which apps have a zone of their
// own. Read by control; the table made from it is immutable, for any thread.
//
//   {"route_by": "app",
//    "zones": [{"id": "zone_ali_01", "weight": 80}, {"id": "zone_ali_02", "weight": 20}],
//    "whitelist": [{"key": "kim", "value": "zone_ali_02"}]}
//
// "routeBy" is another spelling of "route_by", whose values are "account" (also when it is missing)
// and "app". A zone of weight 0 gets the apps on the whitelist only. A file that is wrong anywhere
// is refused whole: nothing is guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/base/error.h"

namespace ringgate {

inline constexpr std::size_t kMaxRouteFileBytes = 1024 * 1024;
inline constexpr std::uint32_t kMaxZoneSlots = 1'000'000;  // the sum of all weights

enum class RouteBy : std::uint8_t { kAccount, kApp };

struct WeightedZone {
  std::string id;
  std::uint32_t weight = 0;

  bool operator==(const WeightedZone&) const = default;
};

struct WhitelistEntry {
  std::string app;
  std::string zone;
};

class ZoneTable {
 public:
  // An error says what is wrong where: no zones, zones of the same id, weights whose sum is 0 or
  // above kMaxZoneSlots, apps listed twice or sent to a zone that is not there.
  static Result<ZoneTable> make(RouteBy route_by, std::vector<WeightedZone> zones,
                                std::vector<WhitelistEntry> whitelist);
  // Of a JSON text, and of a file; the latter's messages name it. Exit code 2.
  static Result<ZoneTable> parse(std::string_view json);
  static Result<ZoneTable> load(const std::filesystem::path& file);

  [[nodiscard]] RouteBy route_by() const noexcept { return route_by_; }
  [[nodiscard]] const std::vector<WeightedZone>& zones() const noexcept { return zones_; }
  [[nodiscard]] std::size_t whitelisted() const noexcept { return whitelist_.size(); }

  // The zone that the whitelist names for an app.
  [[nodiscard]] std::optional<std::size_t> whitelist_zone(std::string_view app) const noexcept;
  // The sum of the weights, above 0.
  [[nodiscard]] std::uint32_t slots() const noexcept { return ends_.back(); }
  // slots[slot], where slots lists each zone's index weight times in the file's order.
  [[nodiscard]] std::size_t zone_at(std::uint32_t slot) const noexcept;

  bool operator==(const ZoneTable&) const = default;

 private:
  ZoneTable() = default;

  RouteBy route_by_ = RouteBy::kAccount;
  std::vector<WeightedZone> zones_;
  std::vector<std::uint32_t> ends_;                             // one past each zone's last slot
  std::vector<std::pair<std::string, std::size_t>> whitelist_;  // app to zone, sorted by app
};

}  // namespace ringgate
