#include "control/discovery/consul/claim.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "control/discovery/consul/json.h"

namespace ringgate::consul {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A good answer, if one comes in time.
std::optional<std::string> ask(Http& http, Request request, SteadyClock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
  if (left.count() <= 0) return std::nullopt;
  request.timeout = left;
  std::optional<Reply> answer;
  const Http::RequestId id =
      http.send(request, [&answer](Reply reply) { answer = std::move(reply); });
  http.finish(left, [&answer] { return !answer; });
  http.abandon(id);
  if (!answer || !answer->is_ok()) return std::nullopt;
  return std::move(answer->body);
}

std::optional<std::string> identity_url(const Instance& service) {
  constexpr std::string_view kHealth = "/health";
  const auto meta = service.meta.find("health_url");
  if (meta == service.meta.end() || !meta->second.ends_with(kHealth)) return std::nullopt;
  return meta->second.substr(0, meta->second.size() - kHealth.size()) + kIdentityPath;
}

}  // namespace

std::optional<Instance> find_living(Http& http, const Instance& service,
                                    std::chrono::milliseconds limit) {
  const auto until = SteadyClock::now() + limit;
  Request who;
  who.path = "/v1/health/service/" + Http::escape(service.name);
  const std::optional<std::string> entries = ask(http, std::move(who), until);
  if (!entries) return std::nullopt;
  const Result<InstanceList> list = parse_health(*entries);
  if (!list) return std::nullopt;
  const auto other = std::ranges::find(list->services, service.id, &Instance::id);
  if (other == list->services.end() || identity_text(*other) == identity_text(service)) {
    return std::nullopt;
  }
  const std::optional<std::string> url = identity_url(*other);
  if (!url) return std::nullopt;
  Request lives;
  lives.url = *url;
  if (ask(http, std::move(lives), until) != identity_text(*other)) return std::nullopt;
  return *other;
}

}  // namespace ringgate::consul
