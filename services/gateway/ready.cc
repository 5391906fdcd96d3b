// GatewayComponent: whether a login could succeed here, and why not. Every dependency and every
// limit that can stop one has its sentence.
//
// What is not here on purpose: a registry that does not answer. What is known stays in use then,
// and to take every gateway out of service would make an outage of it. It is named when something
// is wrong, and so are links that MaxLinks leaves no place for.
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "services/gateway/component.h"
#include "services/gateway/counters.h"
#include "services/process/shards.h"

namespace ringgate {
namespace {

constexpr std::size_t kMostNamed = 4;

std::string list(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kMostNamed);
  std::string text = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace

void GatewayComponent::refresh_ready() {
  const std::vector<InstanceStatus> instances = links_->instances();
  count_instances(instances);
  const bool waits = taker_ != nullptr && !taker_->is_gone() && grace_is_over_;
  if (waits || links_->connected(service_of("login"))) begin_accepting();
  ejections_.look(instances);
  const Episodes::Texts now = draining_ ? Episodes::Texts() : problems(instances);
  const MutexLock lock(mutex_);
  starting_ = false;
  is_draining_ = draining_;
  problems_.reset();
  for (const auto& [name, text] : now) add_line(problems_, text);
  const std::optional<Error> registry = now.empty() ? std::nullopt : registry_->problem();
  if (registry) add_line(problems_, registry->message);
  if (!now.empty()) add_line(problems_, links_->refused());
  // Before clients are let in, what is not there yet is no news.
  if (accepting_ && !draining_) episodes_.update(now);
}

Episodes::Texts GatewayComponent::problems(const std::vector<InstanceStatus>& instances) {
  Episodes::Texts now;
  const auto put = [&now](const char* name, const std::optional<std::string>& text) {
    if (text) now[name] = *text;
  };
  put("1 login", login_problem(instances));
  put("2 logins", outcomes_.look(outcomes_seen(), std::chrono::steady_clock::now()));
  put("3 places", places_problem());
  put("4 shard", stuck_shard(*shards_));
  certificates_.add_ended(std::time(nullptr), now);
  return now;
}

LoginOutcomes::Seen GatewayComponent::outcomes_seen() const {
  return {sum_of(GatewayCounter::kLogins), sum_of(GatewayCounter::kRollCallTaken),
          sum_of(GatewayCounter::kRollCallFailed)};
}

// Whom a login would be forwarded to.
std::optional<std::string> GatewayComponent::login_problem(
    const std::vector<InstanceStatus>& instances) const {
  const std::string login = service_of("login");
  std::vector<std::string> with_link;
  std::vector<std::string> without;
  bool any_answers = false;
  for (const InstanceStatus& instance : instances) {
    if (instance.service.name != login || instance.draining) continue;
    const std::string who =
        fmt::format("{} at {}", instance.service.id,
                    format_endpoint({instance.service.address, instance.service.port}));
    if (has_link(instance)) {
      with_link.push_back(who);
      any_answers = any_answers || !ejections_.ejected(instance.upstream);
    } else {
      const std::string& error = instance.lanes.front().last_error;
      without.push_back(error.empty() ? who : fmt::format("{}: {}", who, error));
    }
  }
  if (!links_->connected(login)) {
    std::string text = "no login service is connected (service name " + login + ")";
    if (!without.empty()) text += ": " + list(without);
    return text;
  }
  if (!any_answers) return "no login service answers: " + list(with_link);
  return std::nullopt;
}

// A shard without room closes its listeners, and the kernel gives its clients to the others.
std::optional<std::string> GatewayComponent::places_problem() const {
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    if (shards_->shard(i).counters().get(Gauge::kListenersClosed) == 0) return std::nullopt;
  }
  return fmt::format(
      "no place is left for a client: {} are connected, MaxConnections is {} on each of {} shards; "
      "the listeners open again when a twentieth is free",
      sum_of(Gauge::kClients), shards_->shard(0).options().max_clients, shards_->size());
}

std::optional<std::string> GatewayComponent::ready() const {
  const MutexLock lock(mutex_);
  if (starting_) return "starting";
  if (is_draining_) return "draining";
  return problems_;
}

}  // namespace ringgate
