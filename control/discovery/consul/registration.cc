#include "control/discovery/consul/registration.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "codec/check.h"
#include "control/base/address.h"
#include "control/base/local_address.h"
#include "control/discovery/consul/json.h"
#include "control/observe/log_event.h"

namespace ringgate::consul {
namespace {

void warn_of_no_check(const Instance& service) {
  if (service.meta.contains("health_url")) return;
  spdlog::warn(
      "{} ({}) registers without a health check: Consul will not notice when it dies; set "
      "MonitorPort",
      service.id, service.name);
}

Instance at_address(Instance service, const std::string& host) {
  service.address = host;
  constexpr std::string_view kOpenHost = "://:";
  const auto health_url = service.meta.find("health_url");
  const std::size_t open =
      health_url == service.meta.end() ? std::string::npos : health_url->second.find(kOpenHost);
  if (open != std::string::npos) {
    const std::string named = host.empty()         ? "127.0.0.1"  // the agent is a neighbour
                              : host.contains(':') ? "[" + host + "]"
                                                   : host;
    health_url->second.insert(open + kOpenHost.size() - 1, named);
  }
  return service;
}

}  // namespace

Registration::Registration(Context& context, Instance service, std::function<void()> gone)
    : context_(context), gone_(std::move(gone)), who_("registration of " + service.id) {
  take(std::move(service));
  next();
}

Registration::~Registration() {
  context_.http.abandon(request_);
  context_.loop.cancel(timer_);
  context_.problems.forget(who_);
}

void Registration::change(Instance service) {
  if (!is_withdrawn_ && service == service_) return;
  take(std::move(service));
  is_withdrawn_ = false;
  is_there_ = false;
  next();
}

void Registration::take(Instance service) {
  warn_of_no_check(service);
  service_ = std::move(service);
  sent_.reset();
  if (!is_wildcard_host(service_.address)) sent_ = service_;
  is_probed_ = !service_.meta.contains("health_url");
  answers_ = false;
}

void Registration::withdraw() {
  if (is_withdrawn_) return;
  is_withdrawn_ = true;
  may_take_back_ = false;
  backoff_.reset();
  next();
}

// What is to be done now, unless something that must not be overtaken is under way.
void Registration::next() {
  if (request_ != 0 && !may_be_overtaken()) return;
  context_.http.abandon(std::exchange(request_, 0));
  context_.loop.cancel(std::exchange(timer_, 0));
  send(next_step());
}

Registration::Step Registration::next_step() const {
  if (is_withdrawn_) return may_take_back_ ? Step::kDeregister : Step::kLookLast;
  if (is_there_) return Step::kLook;
  if (!sent_) return Step::kAsk;
  return is_probed_ ? Step::kRegister : Step::kProbe;
}

bool Registration::may_be_overtaken() const {
  return step_ != Step::kRegister && step_ != Step::kDeregister;
}

const Instance& Registration::told() const {
  RINGGATE_CHECK(sent_.has_value());
  return *sent_;
}

void Registration::send(Step step) {
  const std::string id = Http::escape(service_.id);
  Request request;
  request.timeout = context_.options.request_timeout;
  switch (step) {
    case Step::kProbe:
      request.url = told().meta.at("health_url");
      request.timeout = context_.options.check_timeout;
      break;
    case Step::kRegister:
      request.is_put = true;
      // A check that was left by an earlier process of this id and that we do not have goes.
      request.path = "/v1/agent/service/register?replace-existing-checks=true";
      request.body = format_registration(told(), context_.options, answers_);
      break;
    case Step::kAsk:
    case Step::kLook:
    case Step::kLookLast:
      request.path = "/v1/agent/service/" + id;
      break;
    case Step::kDeregister:
      request.is_put = true;
      request.path = "/v1/agent/service/deregister/" + id;
      break;
  }
  step_ = step;
  // What is_there_ will be about, should the service change meanwhile.
  request_ = context_.http.send(request, [this, step, sent = service_](const Reply& reply) {
    request_ = 0;
    if (step == Step::kProbe) return probed(reply);
    if (step == Step::kRegister && sent != service_ && reply.is_ok()) return next();
    answered(step, reply);
  });
}

void Registration::answered(Step step, const Reply& reply) {
  // An agent that does not know the service says so with 404: no fault when we look or leave.
  const bool is_unknown = reply.status == 404 && step != Step::kRegister;
  const char* const verb = may_be_overtaken() ? "read" : "register";
  if (!is_unknown) {
    if (std::optional<Fault> fault = context_.problems.fault_of(
            reply, fmt::format("{} service {} ({})", verb, service_.name, service_.id))) {
      return failed(std::move(*fault));
    }
  }
  context_.problems.clear(who_);
  backoff_.reset();
  switch (step) {
    case Step::kAsk:
      return asked(reply);
    case Step::kRegister:
      return registered();
    case Step::kLook:
      return looked(reply);
    case Step::kLookLast:
      may_take_back_ = is_unknown || is_ours(reply);
      if (may_take_back_ || !is_withdrawn_) return next();
      spdlog::warn(
          "{} ({}) stays registered: it is another process's by now; ServiceIDs are unique",
          service_.id, service_.name);
      break;
    case Step::kProbe:
      break;
    case Step::kDeregister:
      is_there_ = false;
      if (!is_withdrawn_) return next();  // It was registered again meanwhile.
      spdlog::info("{} ({}) is deregistered", service_.id, service_.name);
  }
  const std::function<void()> gone = gone_;
  gone();
}

void Registration::asked(const Reply& reply) {
  std::string host;
  if (!is_loopback_host(reply.peer_address)) {
    const bool is_v6 = reply.own_address.contains(':');
    host = is_v6 && service_.address == "0.0.0.0" ? machine_address(true) : reply.own_address;
  }
  sent_ = at_address(service_, host);
  next();
}

// A check that Consul cannot make would let it use us for a while, and then not: it begins as
// critical then, as it would without this.
void Registration::probed(const Reply& reply) {
  is_probed_ = true;
  answers_ = reply.is_ok();
  if (!answers_ && !has_complained_) {
    spdlog::warn(
        "{} ({}): nothing good comes from its own {} ({}); Consul uses it when that answers; see "
        "MonitorAddress and PublicAddress",
        service_.id, service_.name, told().meta.at("health_url"),
        reply.failure == Failure::kNone ? std::to_string(reply.status) : reply.failure_text);
  }
  has_complained_ = !answers_;
  next();
}

void Registration::registered() {
  const std::string where = told().address.empty()
                                ? fmt::format("the node's address, port {}", service_.port)
                                : format_endpoint({told().address, service_.port});
  log_event(LogEvent::kRegistered,
            {{"id", service_.id}, {"service", service_.name}, {"where", where}},
            fmt::format("{} ({}) is registered at {}{}", service_.id, service_.name, where,
                        answers_ ? ", passing" : ""));
  is_there_ = true;
  is_probed_ = !service_.meta.contains("health_url");
  if (is_withdrawn_) return next();
  pause(context_.options.recheck);
}

void Registration::looked(const Reply& reply) {
  const Result<Instance> there =
      reply.status == 404 ? run_error("forgotten") : parse_agent_service(reply.body);
  if (there && *there == told()) return pause(context_.options.recheck);
  is_there_ = false;
  if (reply.status == 404) {
    spdlog::warn("Consul has forgotten {} ({}); registering it again", service_.id, service_.name);
    return next();
  }
  spdlog::warn("Consul has something else as {} ({}); registering it again; ServiceIDs are unique",
               service_.id, service_.name);
  pause(context_.options.recheck);  // Its other owner may be doing the same.
}

// An address may be written in another way, and operators add tags: the start tells processes
// apart.
bool Registration::is_ours(const Reply& reply) const {
  const Result<Instance> there = parse_agent_service(reply.body);
  return !there || identity_text(*there) == identity_text(service_);
}

void Registration::failed(Fault fault) {
  context_.report(who_, std::move(fault));
  pause(context_.pause_of(backoff_));
}

void Registration::pause(std::chrono::milliseconds time) {
  timer_ = context_.loop.after(time, [this] {
    timer_ = 0;
    next();
  });
}

}  // namespace ringgate::consul
