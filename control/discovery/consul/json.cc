#include "control/discovery/consul/json.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include "control/base/address.h"
#include "control/base/json_writer.h"
#include "control/base/text.h"
#include "control/discovery/json.h"

namespace ringgate::consul {
namespace {

namespace dom = simdjson::dom;

// A text that may be missing; false: it is there and is no text.
bool read_text(const dom::object& object, std::string_view key, std::string& text) {
  const auto value = object[key];
  std::string_view view;
  if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null()) return true;
  if (value.get(view) != simdjson::SUCCESS) return false;
  text = view;
  return true;
}

bool read_tags(const dom::object& object, std::vector<std::string>& tags) {
  const auto value = object["Tags"];
  if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null()) return true;
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return false;
  for (const dom::element item : array) {
    std::string_view tag;
    if (item.get(tag) != simdjson::SUCCESS) return false;
    tags.emplace_back(tag);
  }
  return true;
}

bool read_meta(const dom::object& object, std::map<std::string, std::string>& meta) {
  const auto value = object["Meta"];
  if (value.error() == simdjson::NO_SUCH_FIELD || value.is_null()) return true;
  dom::object fields;
  if (value.get(fields) != simdjson::SUCCESS) return false;
  for (const auto& field : fields) {
    std::string_view text;
    if (field.value.get(text) != simdjson::SUCCESS) return false;
    meta.insert_or_assign(std::string(field.key), std::string(text));
  }
  return true;
}

// Takes the value of a key out of meta.
std::optional<std::string> taken(std::map<std::string, std::string>& meta, const char* key) {
  auto node = meta.extract(key);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

// What both kinds of answer have in common; false: it is not as documented.
bool read_service(const dom::object& object, Instance& service) {
  std::int64_t port = 0;
  if (!read_text(object, "ID", service.id) || !read_text(object, "Service", service.name) ||
      !read_text(object, "Address", service.address) || !read_tags(object, service.tags) ||
      !read_meta(object, service.meta) || object["Port"].get(port) != simdjson::SUCCESS) {
    return false;
  }
  // 0: none that we could dial.
  service.port = port < 0 || port > 65535 ? std::uint16_t{0} : static_cast<std::uint16_t>(port);
  service.protocol = taken(service.meta, "protocol").value_or("tcp");
  service.zone = taken(service.meta, "zone").value_or("");
  return true;
}

bool read_health_entry(const dom::element& element, Instance& service) {
  dom::object fields;
  dom::object node;
  if (element["Service"].get(fields) != simdjson::SUCCESS ||
      element["Node"].get(node) != simdjson::SUCCESS || !read_service(fields, service)) {
    return false;
  }
  return !service.address.empty() || read_text(node, "Address", service.address);
}

Result<dom::element> parse(dom::parser& parser, const simdjson::padded_string& json) {
  dom::element root;
  if (const auto failure = parser.parse(json).get(root)) {
    return run_error("not valid JSON: {}", simdjson::error_message(failure));
  }
  return root;
}

void write_check(JsonWriter& json, const Instance& service, const std::string& health_url,
                 const Options& options, bool answers) {
  json.object("Check", [&] {
    json.text("CheckID", service.id + "_normal");
    json.text("Name", service.id + " /health");
    json.text("HTTP", health_url);
    // It is asked whether it lives, by its address: who it is, a certificate need not say.
    if (health_url.starts_with("https://")) json.flag("TLSSkipVerify", true);
    json.text("Interval", format_duration(options.check_interval));
    json.text("Timeout", format_duration(options.check_timeout));
    json.text("DeregisterCriticalServiceAfter", format_duration(options.deregister_after));
    if (answers) json.text("Status", "passing");
  });
}

}  // namespace

Result<InstanceList> parse_health(std::string_view json) {
  dom::parser parser;
  const simdjson::padded_string padded(json);
  const Result<dom::element> root = parse(parser, padded);
  if (!root) return std::unexpected(root.error());
  dom::array entries;
  if (root->get(entries) != simdjson::SUCCESS) return run_error("not a list of services");
  InstanceList found;
  for (const dom::element entry : entries) {
    Instance service;
    if (!read_health_entry(entry, service)) return run_error("not the services of Consul's API");
    if (auto host = parse_host(service.address)) service.address = std::move(*host);
    if (Result<void> checked = check_service(service); !checked) {
      const bool has_id = valid_service_id(service.id);
      found.refused.push_back({has_id ? service.id : "", checked.error().message, {}});
      continue;
    }
    found.services.push_back(std::move(service));
  }
  // Two agents may have registered the same id; whichever comes first in this answer, the same one
  // is taken.
  std::ranges::sort(found.services, {}, [](const Instance& service) {
    return std::tie(service.id, service.address, service.port);
  });
  for (std::size_t i = 1; i < found.services.size(); ++i) {
    const std::string& id = found.services[i].id;
    if (id != found.services[i - 1].id) continue;
    found.refused.push_back({id, fmt::format("{}: it is registered at several agents", id), {}});
  }
  const auto twins = std::ranges::unique(found.services, {}, &Instance::id);
  found.services.erase(twins.begin(), twins.end());
  return found;
}

Result<Instance> parse_agent_service(std::string_view json) {
  dom::parser parser;
  const simdjson::padded_string padded(json);
  const Result<dom::element> root = parse(parser, padded);
  if (!root) return std::unexpected(root.error());
  dom::object object;
  Instance service;
  if (root->get(object) != simdjson::SUCCESS || !read_service(object, service)) {
    return run_error("not a service of Consul's API");
  }
  return service;
}

std::string format_registration(const Instance& service, const Options& options, bool answers) {
  std::map<std::string, std::string> meta = service.meta;
  meta["protocol"] = service.protocol;
  if (!service.zone.empty()) meta["zone"] = service.zone;
  JsonWriter json;
  json.object("", [&] {
    json.text("ID", service.id);
    json.text("Name", service.name);
    json.text("Address", service.address);
    json.count("Port", service.port);
    json.array("Tags", [&] {
      for (const std::string& tag : service.tags) json.text("", tag);
    });
    json.object("Meta", [&] {
      for (const auto& [key, value] : meta) json.text(key, value);
    });
    if (const auto health_url = meta.find("health_url"); health_url != meta.end()) {
      write_check(json, service, health_url->second, options, answers);
    }
  });
  return json.take();
}

}  // namespace ringgate::consul
