#include "control/discovery/consul/watch.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "control/discovery/consul/json.h"

namespace ringgate::consul {

Watch::Watch(Context& context, std::string name, ringgate::Registry::Watcher watcher)
    : context_(context), name_(std::move(name)), watcher_(std::move(watcher)) {
  ask();
}

Watch::~Watch() {
  context_.http.abandon(request_);
  context_.loop.cancel(timer_);
  context_.problems.forget(name_);
}

std::string Watch::path() const {
  const Options& options = context_.options;
  std::string path = "/v1/health/service/" + Http::escape(name_) + "?passing";
  if (index_ != 0) path += fmt::format("&index={}&wait={}ms", index_, options.wait.count());
  if (options.stale) path += "&stale";
  if (!options.datacenter.empty()) path += "&dc=" + Http::escape(options.datacenter);
  if (!options.tag.empty()) path += "&tag=" + Http::escape(options.tag);
  return path;
}

void Watch::ask() {
  const Options& options = context_.options;
  Request request;
  request.path = path();
  request.timeout = options.request_timeout;
  // Consul adds up to a sixteenth to the wait, so that not everybody comes back at once.
  if (index_ != 0) request.timeout = options.wait + options.wait / 16 + options.margin;
  asked_at_ = SteadyClock::now();
  request_ = context_.http.send(request, [this](const Reply& reply) {
    request_ = 0;
    answered(reply);
  });
}

void Watch::answered(const Reply& reply) {
  const std::string what = "read service " + name_;
  if (std::optional<Fault> fault = context_.problems.fault_of(reply, what)) {
    return failed(std::move(*fault));
  }
  if (reply.is_filtered) {
    return failed(
        {Trouble::kDenied, fmt::format("Consul at {}: the token may not see all of service {}; set "
                                       "ConsulToken or ConsulTokenFile to one that may",
                                       context_.options.url, name_)});
  }
  Result<InstanceList> found = parse_health(reply.body);
  if (!found) return failed(context_.problems.bad_answer(what, found.error().message));
  // It counts from the beginning: Consul has lost its state, or an agent the stream that it
  // followed (then it says index 1 and an empty list). Its next answer, to a question that does not
  // wait, tells what there is.
  const bool has_forgotten = reply.index.value_or(0) < index_;
  timer_ = context_.loop.after(pause_after(reply), [this] {
    timer_ = 0;
    ask();
  });
  if (reply.has_leader) {
    context_.problems.clear(name_);
  } else {
    context_.problems.set(
        name_, {Trouble::kServer, fmt::format("Consul at {} has no leader: what it says may be old",
                                              context_.options.url)});
  }
  if (has_forgotten) {
    has_failed_ = true;
    return;
  }
  keep_refused(*found);
  report_refused(found->refused);
  after_outage_ = std::exchange(has_failed_, false) && known_.has_value();
  if (known_ == found->services) return;
  known_ = std::move(found->services);
  // Copies: the watcher may end this watch.
  const ringgate::Registry::Watcher watcher = watcher_;
  const std::vector<Instance> services = *known_;
  watcher(services);
}

// Takes the index of a good answer. One that did not move although it had time to, or moved back
// (Consul lost its state), or is not there, is not trusted to wait next time: no hot loop.
std::chrono::milliseconds Watch::pause_after(const Reply& reply) {
  const std::uint64_t before = index_;
  const std::uint64_t now = reply.index.value_or(0);
  const auto took = std::chrono::floor<std::chrono::milliseconds>(SteadyClock::now() - asked_at_);
  index_ = now < before ? 0 : now;
  const bool has_moved = now > before;
  const bool has_waited = now == before && now != 0 && took >= context_.options.wait;
  if (!has_moved && !has_waited) return context_.pause_of(backoff_);
  backoff_.reset();
  return std::max(context_.options.min_pause - took, std::chrono::milliseconds(0));
}

// An agent that comes back may count from the beginning: waiting for the old index there would be
// waiting in vain, and a question that does not wait tells soonest that all is well again.
void Watch::failed(Fault fault) {
  index_ = 0;
  has_failed_ = true;
  context_.report(name_, std::move(fault));
  timer_ = context_.loop.after(context_.pause_of(backoff_), [this] {
    timer_ = 0;
    ask();
  });
}

// What an instance registers is its operator's mistake: the one that was known by its id stays.
void Watch::keep_refused(InstanceList& found) const {
  if (!known_) return;
  for (const RefusedInstance& entry : found.refused) {
    const auto known = std::ranges::find(*known_, entry.id, &Instance::id);
    const bool is_there =
        std::ranges::find(found.services, entry.id, &Instance::id) != found.services.end();
    if (known != known_->end() && !is_there) found.services.push_back(*known);
  }
  std::ranges::sort(found.services, {}, &Instance::id);
}

// Each once, while it stays as it is.
void Watch::report_refused(const std::vector<RefusedInstance>& refused) {
  constexpr std::size_t kMostReported = 20;
  std::vector<std::string> said;
  for (const RefusedInstance& entry : refused) {
    if (said.size() == kMostReported) break;
    said.push_back(entry.why);
    if (std::ranges::find(refused_, entry.why) != refused_.end()) continue;
    spdlog::warn("an instance of service {} in Consul cannot be used: {}", name_, entry.why);
  }
  if (refused.size() > kMostReported && refused_.size() < kMostReported) {
    spdlog::warn("{} more instances of service {} in Consul cannot be used",
                 refused.size() - kMostReported, name_);
  }
  refused_ = std::move(said);
}

}  // namespace ringgate::consul
