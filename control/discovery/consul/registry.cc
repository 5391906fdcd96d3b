#include "control/discovery/consul/registry.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/base/local_address.h"
#include "control/discovery/consul/claim.h"
#include "control/discovery/json.h"

namespace ringgate::consul {
namespace {

// How long a process that ends waits for Consul to hear of it.
constexpr std::chrono::milliseconds kLeaveTime{1000};
// How long one that starts waits to hear who has its id.
constexpr std::chrono::milliseconds kClaimTime{1000};

}  // namespace

Result<std::unique_ptr<Registry>> Registry::open(ControlLoop& loop, Options options) {
  Result<std::string> url = parse_url(options.url);
  if (!url) return usage_error("ConsulURL: {}", url.error().message);
  options.url = std::move(*url);
  if (!options.token_file.empty()) {
    Result<std::string> token = read_token(options.token_file);
    if (!token) return std::unexpected(token.error());
    options.token = std::move(*token);
  }
  if (!options.ca_file.empty() && access(options.ca_file.c_str(), R_OK) != 0) {
    return usage_error("ConsulCA: cannot read {}: {}; check the path and its permissions",
                       options.ca_file, std::strerror(errno));
  }
  Result<std::unique_ptr<Http>> http = Http::create(loop, options);
  if (!http) return std::unexpected(http.error());
  return std::unique_ptr<Registry>(new Registry(loop, std::move(options), std::move(*http)));
}

Registry::Registry(ControlLoop& loop, Options options, std::unique_ptr<Http> http)
    : options_(std::move(options)),
      problems_(options_.url),
      http_(std::move(http)),
      context_{loop, *http_, options_, problems_} {}

Registry::~Registry() {
  watches_.clear();
  std::erase_if(registrations_, [](const auto& entry) { return !entry.second->is_withdrawn(); });
  http_->finish(kLeaveTime, [this] { return is_leaving(); });
}

bool Registry::is_leaving() const {
  return std::ranges::any_of(registrations_,
                             [](const auto& entry) { return entry.second->is_waiting(); });
}

Result<std::vector<Instance>> Registry::find(std::string_view name) {
  const auto watch = watches_.find(name);
  if (watch == watches_.end()) {
    return run_error("service {} is not subscribed to, so Consul was not asked", name);
  }
  const auto& known = watch->second->known();
  if (!known) return run_error("Consul has not answered yet about {}", name);
  return *known;
}

Result<void> Registry::subscribe(std::string_view name, Watcher watcher) {
  if (!valid_service_id(name)) {
    return usage_error("service name \"{}\" is not 1-64 characters of A-Z a-z 0-9 . _ -", name);
  }
  watches_.insert_or_assign(std::string(name), nullptr);  // The old one ends before the new begins.
  watches_.find(name)->second =
      std::make_unique<Watch>(context_, std::string(name), std::move(watcher));
  return {};
}

bool Registry::may_be_partial(std::string_view name) const {
  const auto watch = watches_.find(name);
  return watch != watches_.end() && watch->second != nullptr && watch->second->may_be_partial();
}

void Registry::unsubscribe(std::string_view name) {
  const auto watch = watches_.find(name);
  if (watch != watches_.end()) watches_.erase(watch);
}

Result<void> Registry::claim(const Instance& service, bool takeover) {
  if (takeover) return {};
  const std::optional<Instance> living = find_living(*http_, service, kClaimTime);
  return living ? Result<void>(std::unexpected(id_is_taken(*living))) : Result<void>();
}

Result<void> Registry::register_service(const Instance& service) {
  Instance to_check = service;
  // Found out when the agent is asked.
  if (is_wildcard_host(service.address)) to_check.address = "127.0.0.1";
  if (Result<void> checked = check_service(to_check); !checked) return checked;
  const auto known = registrations_.find(service.id);
  if (known != registrations_.end()) {
    known->second->change(service);
    return {};
  }
  const auto gone = [this, id = service.id] { registrations_.erase(id); };
  registrations_.emplace(service.id, std::make_unique<Registration>(context_, service, gone));
  return {};
}

bool Registry::is_registered(std::string_view id) const {
  const auto known = registrations_.find(id);
  return known != registrations_.end() && known->second->is_there();
}

Result<void> Registry::deregister(std::string_view id) {
  const auto known = registrations_.find(id);
  if (known != registrations_.end()) known->second->withdraw();
  return {};
}

void Registry::leave(std::string_view id) {
  const auto known = registrations_.find(id);
  if (known != registrations_.end()) registrations_.erase(known);
}

}  // namespace ringgate::consul
