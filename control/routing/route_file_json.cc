// The route file's text: its keys, their types, and where in it something is wrong.
#include <simdjson.h>

#include <algorithm>
#include <set>

#include "control/base/text.h"
#include "control/routing/route_file.h"

namespace ringgate {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

constexpr int kMaxDepth = 64;

constexpr std::size_t kMostQuoted = 100;  // bytes

// What a message may quote: control characters are escaped, and what is too long is not shown.
std::string quotable(std::string_view text) {
  if (text.size() > kMostQuoted) return "?";
  return printable(text);
}

// --- Where it is not JSON: the parser that builds a tree does not say ----------------------------

simdjson::error_code walk(ondemand::value value, int depth) {
  auto type = ondemand::json_type::null;
  if (const auto error = value.type().get(type)) return error;
  if (type == ondemand::json_type::array && depth < kMaxDepth) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    for (auto item : array) {
      ondemand::value child;
      if (const auto error = std::move(item).get(child)) return error;
      if (const auto error = walk(child, depth + 1)) return error;
    }
    return simdjson::SUCCESS;
  }
  if (type == ondemand::json_type::object && depth < kMaxDepth) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field)) return error;
      if (const auto error = walk(field.value(), depth + 1)) return error;
    }
    return simdjson::SUCCESS;
  }
  if (type == ondemand::json_type::string) return value.get_string().error();
  if (type == ondemand::json_type::number) return value.get_double().error();
  if (type == ondemand::json_type::boolean) return value.get_bool().error();
  return simdjson::SUCCESS;
}

// "line 3: ", or nothing when it cannot be told.
std::string line_of_bad_json(const simdjson::padded_string& json) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::value root;
  if (parser.iterate(json).get(document) != simdjson::SUCCESS) return {};
  if (document.get_value().get(root) != simdjson::SUCCESS) return {};
  if (walk(root, 0) == simdjson::SUCCESS) return {};
  const char* at = nullptr;
  if (document.current_location().get(at) != simdjson::SUCCESS) return {};
  if (at < json.data() || at > json.data() + json.size()) return {};
  return fmt::format("line {}: ", 1 + std::count(json.data(), at, '\n'));
}

// --- Its keys
// -------------------------------------------------------------------------------------

Result<std::string> text_of(const dom::element& value, const std::string& place) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return usage_error("{}: is not a text; put it in quotes", place);
  }
  if (text.empty()) return usage_error("{}: is empty; give it a name", place);
  if (text.size() > kMostQuoted) {
    return usage_error("{}: has more than {} bytes; shorten it", place, kMostQuoted);
  }
  if (printable(text) != text) {
    return usage_error("{}: '{}' has a control character; take it out", place, printable(text));
  }
  return std::string(text);
}

Result<std::uint32_t> weight_of(const dom::element& value, const std::string& place) {
  std::int64_t weight = 0;
  if (value.get(weight) != simdjson::SUCCESS || weight < 0 || weight > kMaxZoneSlots) {
    return usage_error("{}: {} is no weight; write a whole number of 0 to {}", place,
                       quotable(simdjson::minify(value)), kMaxZoneSlots);
  }
  return static_cast<std::uint32_t>(weight);
}

// The fields of an object that has these keys, each of them once.
Result<std::vector<dom::element>> fields_of(const dom::element& value, const std::string& place,
                                            std::string_view first, std::string_view second) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return usage_error("{}: is not an object; write {{\"{}\": …, \"{}\": …}}", place, first,
                       second);
  }
  std::set<std::string_view> seen;
  for (const auto& field : object) {
    if (field.key != first && field.key != second) {
      return usage_error("{}: unknown key \"{}\"; the keys are {} and {}", place,
                         quotable(field.key), first, second);
    }
    if (!seen.insert(field.key).second) {
      return usage_error("{}: {} is there twice; remove one", place, field.key);
    }
  }
  std::vector<dom::element> fields;
  for (const std::string_view key : {first, second}) {
    dom::element element;
    if (object[key].get(element) != simdjson::SUCCESS) {
      return usage_error("{}: has no {}; add it", place, key);
    }
    fields.push_back(element);
  }
  return fields;
}

Result<std::vector<WeightedZone>> zones_of(const dom::element& value) {
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return usage_error("zones: is not a list; write [{{\"id\": …, \"weight\": …}}, …]");
  }
  std::vector<WeightedZone> zones;
  for (const dom::element item : array) {
    const std::string place = fmt::format("zones[{}]", zones.size());
    auto fields = fields_of(item, place, "id", "weight");
    if (!fields) return std::unexpected(fields.error());
    auto id = text_of((*fields)[0], place + ".id");
    if (!id) return std::unexpected(id.error());
    auto weight = weight_of((*fields)[1], place + ".weight");
    if (!weight) return std::unexpected(weight.error());
    zones.push_back({std::move(*id), *weight});
  }
  return zones;
}

Result<std::vector<WhitelistEntry>> whitelist_of(const dom::element& value) {
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return usage_error("whitelist: is not a list; write [{{\"key\": APP, \"value\": ZONE}}, …]");
  }
  std::vector<WhitelistEntry> whitelist;
  for (const dom::element item : array) {
    const std::string place = fmt::format("whitelist[{}]", whitelist.size());
    auto fields = fields_of(item, place, "key", "value");
    if (!fields) return std::unexpected(fields.error());
    auto app = text_of((*fields)[0], place + ".key");
    if (!app) return std::unexpected(app.error());
    auto zone = text_of((*fields)[1], place + ".value");
    if (!zone) return std::unexpected(zone.error());
    whitelist.push_back({std::move(*app), std::move(*zone)});
  }
  return whitelist;
}

Result<RouteBy> route_by_of(const dom::element& value, std::string_view key) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    if (text == "account") return RouteBy::kAccount;
    if (text == "app") return RouteBy::kApp;
  }
  return usage_error("{}: {} is neither \"account\" nor \"app\"; write one of them", key,
                     quotable(simdjson::minify(value)));
}

template <class T>
Result<void> store(Result<T> value, std::optional<T>& target, std::string_view key) {
  if (!value) return std::unexpected(value.error());
  if (target) return usage_error("{} is there twice; remove one", key);
  target = std::move(*value);
  return {};
}

struct RouteFile {
  std::optional<RouteBy> route_by;
  std::optional<std::vector<WeightedZone>> zones;
  std::optional<std::vector<WhitelistEntry>> whitelist;
};

Result<void> read_field(std::string_view key, const dom::element& value, RouteFile& file) {
  if (key == "route_by" || key == "routeBy") {
    return store(route_by_of(value, key), file.route_by, "route_by (or routeBy)");
  }
  if (key == "zones") return store(zones_of(value), file.zones, key);
  if (key == "whitelist") return store(whitelist_of(value), file.whitelist, key);
  return usage_error("unknown key \"{}\"; the keys are route_by (or routeBy), zones and whitelist",
                     quotable(key));
}

}  // namespace

Result<ZoneTable> ZoneTable::parse(std::string_view json) {
  if (json.size() > kMaxRouteFileBytes) {
    return usage_error("is longer than 1 MiB; is it the right file?");
  }
  const simdjson::padded_string padded(json);
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(padded).get(root)) {
    return usage_error("{}not JSON ({}); correct it there", line_of_bad_json(padded),
                       simdjson::error_message(error));
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    return usage_error("is JSON, but not an object; write {{\"zones\": [...]}}");
  }
  RouteFile file;
  for (const auto& field : object) {
    if (auto done = read_field(field.key, field.value, file); !done) {
      return std::unexpected(done.error());
    }
  }
  return make(file.route_by.value_or(RouteBy::kAccount),
              std::move(file.zones).value_or(std::vector<WeightedZone>{}),
              std::move(file.whitelist).value_or(std::vector<WhitelistEntry>{}));
}

}  // namespace ringgate
