#include "services/cli/trace_gateways.h"

#include <string_view>

#include "control/base/address.h"
#include "services/process/registries.h"

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

}  // namespace

Result<std::string> parse_admin_url(std::string_view text) {
  std::string_view scheme = kSchemes[0];
  for (const std::string_view one : kSchemes) {
    if (!text.starts_with(one)) continue;
    scheme = one;
    text.remove_prefix(one.size());
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  const Result<Endpoint> endpoint = parse_endpoint(std::string(text));
  if (!endpoint) return std::unexpected(endpoint.error());
  return std::string(scheme) + format_endpoint(*endpoint);
}

Result<std::unique_ptr<TraceGateways>> TraceGateways::follow(
    const Config& config, ControlLoop& loop, std::function<void(const Known&)> changed) {
  Result<std::unique_ptr<Registry>> registry = open_registry(config, loop);
  if (!registry) return std::unexpected(registry.error());
  std::unique_ptr<TraceGateways> it(
      new TraceGateways(loop, std::move(*registry), std::move(changed)));
  it->unanswered_ = {config.service_name, std::string(gateway_name(Transport::kTcp)),
                     std::string(gateway_name(Transport::kWebSocket))};
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

// A gateway with two listeners is two instances of one process.
void TraceGateways::take(const std::string& name, const std::vector<Instance>& instances) {
  found_[name] = instances;
  unanswered_.erase(name);
  if (!unanswered_.empty()) return;
  Known known;
  std::set<std::string> urls;
  for (const auto& [its_name, all] : found_) {
    for (const Instance& instance : all) {
      const std::string url = url_of(instance);
      if (url.empty() || urls.insert(url).second) known[instance.id] = url;
    }
  }
  changed_(known);
}

}  // namespace ringgate
