#include "control/discovery/json.h"

#include <simdjson.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "codec/utf8.h"
#include "control/base/address.h"
#include "control/base/json_writer.h"
#include "control/base/text.h"

namespace ringgate {
namespace {

namespace dom = simdjson::dom;

// What a message may quote.
std::string_view quotable(std::string_view text) {
  constexpr std::size_t kMostQuoted = 100;
  return !has_control(text) && text.size() <= kMostQuoted ? text : "?";
}

Result<std::string> text_of(const dom::element& value, std::string_view key) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return run_error("{} is not a text", key);
  if (has_control(text)) return run_error("{} has a control character in it", key);
  return std::string(text);
}

Result<std::uint16_t> port_of(const dom::element& value) {
  std::uint64_t port = 0;
  if (value.get(port) != simdjson::SUCCESS || port < 1 || port > 65535) {
    return run_error("port is not a number of 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

Result<std::vector<std::string>> tags_of(const dom::element& value) {
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return run_error("tags is not a list");
  std::vector<std::string> tags;
  for (const dom::element item : array) {
    auto tag = text_of(item, "a tag");
    if (!tag) return std::unexpected(tag.error());
    tags.push_back(std::move(*tag));
  }
  return tags;
}

Result<std::map<std::string, std::string>> meta_of(const dom::element& value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return run_error("meta is not an object");
  std::map<std::string, std::string> meta;
  for (const auto& field : object) {
    auto text = text_of(field.value, "a value of meta");
    if (!text) return std::unexpected(text.error());
    if (!meta.emplace(field.key, std::move(*text)).second) {
      return run_error("meta has \"{}\" twice", quotable(field.key));
    }
  }
  return meta;
}

template <class T>
Result<void> store(Result<T> value, T& target) {
  if (!value) return std::unexpected(value.error());
  target = std::move(*value);
  return {};
}

Result<void> read_field(std::string_view key, const dom::element& value, Instance& service) {
  if (key == "id") return store(text_of(value, key), service.id);
  if (key == "name") return store(text_of(value, key), service.name);
  if (key == "address") return store(text_of(value, key), service.address);
  if (key == "port") return store(port_of(value), service.port);
  if (key == "protocol") return store(text_of(value, key), service.protocol);
  if (key == "zone") return store(text_of(value, key), service.zone);
  if (key == "tags") return store(tags_of(value), service.tags);
  if (key == "meta") return store(meta_of(value), service.meta);
  return run_error("unknown key \"{}\"", has_control(key) ? "?" : key);
}

Result<Instance> read_service(const dom::element& element) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return run_error("is not an object");
  Instance service;
  std::set<std::string_view> keys;
  for (const auto& field : object) {
    if (auto done = read_field(field.key, field.value, service); !done) {
      return std::unexpected(done.error());
    }
    if (!keys.insert(field.key).second) return run_error("key \"{}\" is there twice", field.key);
  }
  if (auto host = parse_host(service.address)) service.address = std::move(*host);
  if (auto checked = check_service(service); !checked) return std::unexpected(checked.error());
  return service;
}

// The id of an entry that is wrong elsewhere.
std::string id_of(const dom::element& element) {
  std::string_view id;
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return {};
  const auto is_id = [](const auto& field) { return field.key == "id"; };
  if (std::count_if(object.begin(), object.end(), is_id) > 1) return {};
  if (object["id"].get(id) != simdjson::SUCCESS || !valid_service_id(id)) return {};
  return std::string(id);
}

void refuse(InstanceList& list, std::size_t number, const dom::element& element, std::string why) {
  std::string id = id_of(element);
  std::string which = fmt::format("service {}", number);
  if (!id.empty() && !why.starts_with(id)) which += fmt::format(" ({})", id);
  list.refused.push_back(
      {std::move(id), fmt::format("{}: {}", which, why), std::string(simdjson::minify(element))});
}

Result<InstanceList> read_services(const dom::element& root) {
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    return run_error("expected {{\"services\": [...]}}");
  }
  if (object.size() > 1 &&
      std::ranges::all_of(object, [](const auto& field) { return field.key == "services"; })) {
    return run_error("services is there twice; make one list of them");
  }
  dom::array array;
  for (const auto& field : object) {
    if (field.key != "services") {
      return run_error("unknown key \"{}\"; the only one is services",
                       has_control(field.key) ? "?" : field.key);
    }
  }
  if (object["services"].get(array) != simdjson::SUCCESS) {
    return run_error("expected {{\"services\": [...]}}");
  }
  std::map<std::string, std::size_t> times;
  for (const dom::element element : array) ++times[id_of(element)];
  InstanceList list;
  std::size_t number = 0;
  for (const dom::element element : array) {
    ++number;
    auto service = read_service(element);
    if (!service) {
      refuse(list, number, element, service.error().message);
    } else if (times[service->id] > 1) {
      refuse(list, number, element,
             fmt::format("id \"{}\" is there twice; ids are unique", service->id));
    } else {
      list.services.push_back(std::move(*service));
    }
  }
  std::ranges::sort(list.services, {}, &Instance::id);
  return list;
}

void write_service(JsonWriter& json, const Instance& service) {
  json.object("", [&] {
    json.text("id", service.id);
    json.text("name", service.name);
    json.text("address", service.address);
    json.count("port", service.port);
    json.text("protocol", service.protocol);
    if (!service.zone.empty()) json.text("zone", service.zone);
    if (!service.tags.empty()) {
      json.array("tags", [&] {
        for (const std::string& tag : service.tags) json.text("", tag);
      });
    }
    if (!service.meta.empty()) {
      json.object("meta", [&] {
        for (const auto& [key, value] : service.meta) json.text(key, value);
      });
    }
  });
}

bool is_text(const Instance& service) {
  const auto is_good = [](const std::string& text) { return is_utf8(text); };
  return is_utf8(service.zone) && std::ranges::all_of(service.tags, is_good) &&
         std::ranges::all_of(service.meta, [&](const auto& entry) {
           return is_good(entry.first) && is_good(entry.second);
         });
}

}  // namespace

Result<void> check_service(const Instance& service) {
  if (!valid_service_id(service.id)) {
    return run_error("id \"{}\" is not 1-64 characters of A-Z a-z 0-9 . _ -",
                     has_control(service.id) ? "?" : service.id);
  }
  if (!valid_service_id(service.name)) {
    return run_error("{}: name \"{}\" is not 1-64 characters of A-Z a-z 0-9 . _ -", service.id,
                     has_control(service.name) ? "?" : service.name);
  }
  if (auto host = parse_host(service.address); !host) {
    return run_error("{}: address \"{}\" {}", service.id, quotable(service.address),
                     host.error().message);
  }
  if (auto dialable = check_dialable(service.address); !dialable) {
    return run_error("{}: address \"{}\" {}", service.id, quotable(service.address),
                     dialable.error().message);
  }
  if (service.port == 0) return run_error("{}: port is missing", service.id);
  if (!is_text(service)) return run_error("{}: zone, tags and meta have to be UTF-8", service.id);
  if (service.protocol != "tcp" && service.protocol != "ws") {
    return run_error("{}: protocol is not \"tcp\" or \"ws\"", service.id);
  }
  return {};
}

Result<InstanceList> parse_services(std::string_view json) {
  if (trim(json).empty()) return run_error("is empty; write {{\"services\": []}}");
  dom::parser parser;
  dom::element root;
  if (const auto failure = parser.parse(simdjson::padded_string(json)).get(root)) {
    return run_error("is not valid JSON: {}", simdjson::error_message(failure));
  }
  return read_services(root);
}

std::string format_services(const std::vector<Instance>& services,
                            const std::vector<RefusedInstance>& refused) {
  JsonWriter json(2);
  json.object("", [&] {
    json.array("services", [&] {
      for (const Instance& service : services) write_service(json, service);
      for (const RefusedInstance& entry : refused) json.raw("", entry.json);
    });
  });
  return json.take() + "\n";
}

}  // namespace ringgate
