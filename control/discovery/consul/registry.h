// The registry that is a Consul agent, asked over HTTP. Belongs to one control thread and to its
// loop, which outlives it; nothing blocks but the destructor, for a second at most and only if a
// deregistration has not been answered yet.
//
// Services come from /v1/health/service/NAME?passing, with blocking queries. An answer that is no
// good (no connection, a status other than 200, no JSON) changes nothing but problem(): what was
// known stays in use. An empty list that Consul answers with a 200 is passed on.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "control/discovery/consul/context.h"
#include "control/discovery/consul/registration.h"
#include "control/discovery/consul/watch.h"
#include "control/discovery/registry.h"

namespace ringgate::consul {

class Registry final : public ringgate::Registry {
 public:
  // An error if a file that the options name cannot be read; an agent that is not there is none.
  static Result<std::unique_ptr<Registry>> open(ControlLoop& loop, Options options);
  ~Registry() override;

  // An error for a name that is not subscribed to, or not answered yet.
  Result<std::vector<Instance>> find(std::string_view name) override;
  Result<void> subscribe(std::string_view name, Watcher watcher) override;
  bool may_be_partial(std::string_view name) const override;
  void unsubscribe(std::string_view name) override;
  // Consul is asked who has the id, and that one whether it lives (its page /id).
  Result<void> claim(const Instance& service, bool takeover) override;
  Result<void> register_service(const Instance& service) override;
  bool is_registered(std::string_view id) const override;
  Result<void> deregister(std::string_view id) override;
  void leave(std::string_view id) override;
  int fd() const override { return -1; }
  void on_ready() override {}
  std::optional<Error> problem() const override { return problems_.current(); }
  void collect(MetricsSnapshot& metrics) const override { problems_.collect(metrics); }

 private:
  Registry(ControlLoop& loop, Options options, std::unique_ptr<Http> http);
  [[nodiscard]] bool is_leaving() const;

  const Options options_;
  Problems problems_;
  std::unique_ptr<Http> http_;
  Context context_;
  std::map<std::string, std::unique_ptr<Watch>, std::less<>> watches_;               // by name
  std::map<std::string, std::unique_ptr<Registration>, std::less<>> registrations_;  // by id
};

}  // namespace ringgate::consul
