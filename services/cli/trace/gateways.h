// Which gateways there are, by their admin ports: those that a registry knows, as it changes. Of
// Consul also those whose checks do not pass: they may have clients all the same.
//
// On the thread of its loop, which outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/base/loop.h"
#include "control/config/config.h"
#include "control/discovery/consul/http.h"
#include "control/discovery/registry.h"

namespace ringgate {

// "127.0.0.1:8082", "http://gateway1:8082" or https to the spelling with the scheme.
[[nodiscard]] Result<std::string> parse_admin_url(std::string_view text);

class TraceGateways {
 public:
  struct NotPassing {
    std::string url;
    std::string why;
  };
  struct Known {
    // By ServiceID; an empty one: the process has no admin port.
    std::map<std::string, std::string> urls;
    // By ServiceID, those with no entry that passes: asked where they are named only.
    std::map<std::string, NotPassing> not_passing;
  };
  // `changed` is called when every name of a gateway has been answered for, and at each change of
  // those that pass. Consul is asked for the others once.
  static Result<std::unique_ptr<TraceGateways>> follow(const Config& config, ControlLoop& loop,
                                                       std::function<void(const Known&)> changed);
  ~TraceGateways();
  TraceGateways(const TraceGateways&) = delete;
  TraceGateways& operator=(const TraceGateways&) = delete;

  // Why it may not be known which there are, if so.
  [[nodiscard]] std::optional<Error> problem() const { return registry_->problem(); }
  [[nodiscard]] bool has_answered() const { return unanswered_.empty() && others_asked_ == 0; }

 private:
  // An entry that does not pass.
  struct Other {
    Instance instance;
    std::string why;
  };
  TraceGateways(ControlLoop& loop, std::unique_ptr<Registry> registry,
                std::function<void(const Known&)> changed)
      : loop_(loop), registry_(std::move(registry)), changed_(std::move(changed)) {}
  void take(const std::string& name, const std::vector<Instance>& instances);
  Result<void> ask_for_others(const consul::Options& options);
  void take_others(const consul::Reply& reply);
  void remember(const Instance& instance);
  [[nodiscard]] std::string process_of(const Instance& instance) const;
  void tell();

  ControlLoop& loop_;
  std::unique_ptr<Registry> registry_;
  std::function<void(const Known&)> changed_;
  std::set<std::string> unanswered_;                    // names
  std::map<std::string, std::vector<Instance>> found_;  // by name
  std::map<std::string, Other> others_;                 // by id
  std::set<std::pair<std::string, std::string>> seen_;  // ids with what tells their process
  std::size_t others_asked_ = 0;                        // questions for them that are under way
  std::unique_ptr<consul::Http> http_;                  // for them; null: the registry is a file
};

}  // namespace ringgate
