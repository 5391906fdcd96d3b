#include "control/consul_registration.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "control/consul_json.h"

namespace ringgate {
namespace {

void warn_of_no_check(const Service& service) {
  if (service.meta.contains("health_url")) return;
  spdlog::warn(
      "{} ({}) registers without a health check: Consul will not notice when it dies; set "
      "MonitorPort",
      service.id, service.name);
}

}  // namespace

ConsulRegistration::ConsulRegistration(ConsulContext& context, Service service,
                                       std::function<void()> gone)
    : context_(context),
      service_(std::move(service)),
      gone_(std::move(gone)),
      who_("registration of " + service_.id) {
  warn_of_no_check(service_);
  next();
}

ConsulRegistration::~ConsulRegistration() {
  context_.http.abandon(request_);
  context_.loop.cancel(timer_);
  context_.problems.forget(who_);
}

void ConsulRegistration::change(Service service) {
  if (!is_withdrawn_ && service == service_) return;
  warn_of_no_check(service);
  service_ = std::move(service);
  is_withdrawn_ = false;
  is_there_ = false;
  next();
}

void ConsulRegistration::withdraw() {
  if (is_withdrawn_) return;
  is_withdrawn_ = true;
  backoff_.reset();
  next();
}

// What is to be done now, unless something that must not be overtaken is under way.
void ConsulRegistration::next() {
  if (request_ != 0 && step_ != Step::kLook) return;
  context_.http.abandon(std::exchange(request_, 0));
  context_.loop.cancel(std::exchange(timer_, 0));
  send(is_withdrawn_ ? Step::kDeregister : is_there_ ? Step::kLook : Step::kRegister);
}

void ConsulRegistration::send(Step step) {
  const std::string id = ConsulHttp::escape(service_.id);
  ConsulRequest request;
  request.timeout = context_.options.request_timeout;
  switch (step) {
    case Step::kRegister:
      request.is_put = true;
      // A check that was left by an earlier process of this id and that we do not have goes.
      request.path = "/v1/agent/service/register?replace-existing-checks=true";
      request.body = format_consul_registration(service_, context_.options);
      break;
    case Step::kLook:
      request.path = "/v1/agent/service/" + id;
      break;
    case Step::kDeregister:
      request.is_put = true;
      request.path = "/v1/agent/service/deregister/" + id;
      break;
  }
  step_ = step;
  // What is_there_ will be about, should the service change meanwhile.
  request_ = context_.http.send(request, [this, step, sent = service_](const ConsulReply& reply) {
    request_ = 0;
    if (step == Step::kRegister && sent != service_ && reply.is_ok()) return next();
    answered(step, reply);
  });
}

void ConsulRegistration::answered(Step step, const ConsulReply& reply) {
  // An agent that does not know the service says so with 404: no fault when we look or leave.
  const bool is_unknown = reply.status == 404 && step != Step::kRegister;
  const char* const verb = step == Step::kLook ? "read" : "register";
  if (!is_unknown) {
    if (std::optional<ConsulFault> fault = context_.problems.fault_of(
            reply, fmt::format("{} service {} ({})", verb, service_.name, service_.id))) {
      return failed(std::move(*fault));
    }
  }
  context_.problems.clear(who_);
  backoff_.reset();
  switch (step) {
    case Step::kRegister:
      return registered();
    case Step::kLook:
      return looked(reply);
    case Step::kDeregister:
      break;
  }
  is_there_ = false;
  if (!is_withdrawn_) return next();  // It was registered again meanwhile.
  spdlog::info("{} ({}) is deregistered", service_.id, service_.name);
  const std::function<void()> gone = gone_;
  gone();
}

void ConsulRegistration::registered() {
  spdlog::info("{} ({}) is registered at {}:{}", service_.id, service_.name, service_.address,
               service_.port);
  is_there_ = true;
  if (is_withdrawn_) return next();
  pause(context_.options.recheck);
}

void ConsulRegistration::looked(const ConsulReply& reply) {
  const Result<Service> there =
      reply.status == 404 ? run_error("forgotten") : parse_consul_agent_service(reply.body);
  if (there && *there == service_) return pause(context_.options.recheck);
  is_there_ = false;
  if (reply.status == 404) {
    spdlog::warn("Consul has forgotten {} ({}); registering it again", service_.id, service_.name);
    return next();
  }
  spdlog::warn("Consul has something else as {} ({}); registering it again; ServiceIDs are unique",
               service_.id, service_.name);
  pause(context_.options.recheck);  // Its other owner may be doing the same.
}

void ConsulRegistration::failed(ConsulFault fault) {
  context_.report(who_, std::move(fault));
  pause(backoff_.next(context_));
}

void ConsulRegistration::pause(std::chrono::milliseconds time) {
  timer_ = context_.loop.after(time, [this] {
    timer_ = 0;
    next();
  });
}

}  // namespace ringgate
