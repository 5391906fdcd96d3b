#include "services/cli/trace/gateways.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <string_view>
#include <utility>

#include "control/base/address.h"
#include "control/discovery/consul/json.h"
#include "control/discovery/consul/options.h"
#include "services/process/registries.h"
#include "services/top/http_get.h"

namespace ringgate {
namespace {

constexpr std::string_view kSchemes[] = {"http://", "https://"};

// The admin port of that instance; its host may be the instance's own.
std::string url_of(const Instance& instance) {
  const auto meta = instance.meta.find(kAdminMeta);
  if (meta == instance.meta.end()) return {};
  for (const std::string_view scheme : kSchemes) {
    if (!meta->second.starts_with(scheme)) continue;
    const std::string rest = meta->second.substr(scheme.size());
    if (!rest.starts_with(':')) return meta->second;
    const Result<Endpoint> port = parse_endpoint(rest);
    if (!port) return {};
    return std::string(scheme) + format_endpoint({instance.address, port->port});
  }
  return {};
}

// Why Consul does not give that entry of /v1/health/service to those who ask for what passes;
// empty: it does.
std::string why_not_passing(const simdjson::dom::element& entry) {
  simdjson::dom::array checks;
  if (entry["Checks"].get(checks) != simdjson::SUCCESS) return {};
  std::string why;
  for (const simdjson::dom::element check : checks) {
    std::string_view id;
    std::string_view status;
    if (check["Status"].get(status) != simdjson::SUCCESS || status == "passing") continue;
    const bool has_id = check["CheckID"].get(id) == simdjson::SUCCESS;
    if (has_id && (id.starts_with("_service_maintenance") || id == "_node_maintenance")) {
      return "it is in maintenance mode in Consul";
    }
    why = fmt::format("its check in Consul is {}", status);
  }
  return why;
}

std::map<std::string, std::string> not_passing(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  std::map<std::string, std::string> why;
  if (parser.parse(json).get(entries) != simdjson::SUCCESS) return why;
  for (const simdjson::dom::element entry : entries) {
    std::string_view id;
    if (entry["Service"]["ID"].get(id) != simdjson::SUCCESS) continue;
    if (std::string words = why_not_passing(entry); !words.empty()) {
      why[std::string(id)] = std::move(words);
    }
  }
  return why;
}

}  // namespace

Result<std::string> parse_admin_url(std::string_view text) {
  const Result<top::AdminPort> port = top::parse_admin_port(text);
  if (!port) return std::unexpected(port.error());
  return (port->tls ? "https://" : "http://") + format_endpoint(port->at);
}

Result<std::unique_ptr<TraceGateways>> TraceGateways::follow(
    const Config& config, ControlLoop& loop, std::function<void(const Known&)> changed) {
  Result<std::unique_ptr<Registry>> registry = open_registry(config, loop);
  if (!registry) return std::unexpected(registry.error());
  std::unique_ptr<TraceGateways> it(
      new TraceGateways(loop, std::move(*registry), std::move(changed)));
  it->unanswered_ = {config.service_name, std::string(gateway_name(Transport::kTcp)),
                     std::string(gateway_name(Transport::kWebSocket))};
  if (Result<void> asked = it->ask_for_others(config.consul); !asked) {
    return std::unexpected(asked.error());
  }
  for (const std::string& name : std::set<std::string>(it->unanswered_)) {
    Result<void> asked = it->registry_->subscribe(
        name, [raw = it.get(), name](const std::vector<Instance>& instances) {
          raw->take(name, instances);
        });
    if (!asked) return std::unexpected(asked.error());
  }
  if (it->registry_->fd() >= 0) {
    loop.watch(it->registry_->fd(), ControlLoop::Until::kReadable,
               [raw = it.get()] { raw->registry_->on_ready(); });
  }
  return it;
}

TraceGateways::~TraceGateways() {
  if (registry_->fd() >= 0) loop_.unwatch(registry_->fd());
}

Result<void> TraceGateways::ask_for_others(const consul::Options& options) {
  if (options.url.empty()) return {};
  consul::Options asked = options;
  if (Result<std::string> url = consul::parse_url(options.url)) asked.url = *url;
  if (!options.token_file.empty()) {
    Result<std::string> token = consul::read_token(options.token_file);
    if (!token) return std::unexpected(token.error());
    asked.token = std::move(*token);
  }
  Result<std::unique_ptr<consul::Http>> http = consul::Http::create(loop_, asked);
  if (!http) return std::unexpected(http.error());
  http_ = std::move(*http);
  for (const std::string& name : unanswered_) {
    consul::Request request;
    request.path = "/v1/health/service/" + consul::Http::escape(name);
    request.timeout = options.request_timeout;
    char before = '?';
    for (const auto& [key, value] :
         {std::pair("dc", options.datacenter), std::pair("tag", options.tag)}) {
      if (value.empty()) continue;
      request.path +=
          fmt::format("{}{}={}", std::exchange(before, '&'), key, consul::Http::escape(value));
    }
    ++others_asked_;
    http_->send(request, [this](const consul::Reply& reply) { take_others(reply); });
  }
  return {};
}

// Where Consul does not answer, the registry's own question says so.
void TraceGateways::take_others(const consul::Reply& reply) {
  --others_asked_;
  const Result<InstanceList> found =
      reply.is_ok() ? consul::parse_health(reply.body) : run_error("no answer");
  if (found) {
    std::map<std::string, std::string> why = not_passing(reply.body);
    for (const Instance& instance : found->services) {
      remember(instance);
      const auto one = why.find(instance.id);
      if (one != why.end()) others_[instance.id] = {instance, std::move(one->second)};
    }
  }
  tell();
}

void TraceGateways::take(const std::string& name, const std::vector<Instance>& instances) {
  for (const Instance& instance : instances) remember(instance);
  found_[name] = instances;
  unanswered_.erase(name);
  tell();
}

// Its entry may be gone while the other one of its process is still there.
void TraceGateways::remember(const Instance& instance) {
  const auto started = instance.meta.find(kStartedMeta);
  if (started != instance.meta.end()) seen_.emplace(instance.id, started->second);
  if (const std::string url = url_of(instance); !url.empty()) seen_.emplace(instance.id, url);
}

// A gateway with two kinds of listeners is two entries of one process: see registrations().
std::string TraceGateways::process_of(const Instance& instance) const {
  constexpr std::string_view kSecond = "-ws";
  if (!instance.id.ends_with(kSecond)) return instance.id;
  const std::string first = instance.id.substr(0, instance.id.size() - kSecond.size());
  const auto started = instance.meta.find(kStartedMeta);
  const bool is_its =
      (started != instance.meta.end() && seen_.contains({first, started->second})) ||
      seen_.contains({first, url_of(instance)});
  return is_its ? first : instance.id;
}

void TraceGateways::tell() {
  if (!has_answered()) return;
  Known known;
  for (const auto& [its_name, all] : found_) {
    for (const Instance& instance : all) {
      std::string& url = known.urls[process_of(instance)];
      if (url.empty()) url = url_of(instance);
    }
  }
  for (const auto& [id, other] : others_) {
    const std::string process = process_of(other.instance);
    if (known.urls.contains(process)) continue;
    known.not_passing.try_emplace(process, NotPassing{url_of(other.instance), other.why});
  }
  changed_(known);
}

}  // namespace ringgate
