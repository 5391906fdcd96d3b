// Keeps one service of ours registered at the agent: puts it there, looks every so often whether it
// is still there as it should be, puts it there again when it is not, and takes it back at the end,
// unless another process has registered under its id since.
//
// A service that listens on all interfaces (control/base/local_address.h) is registered at the
// address that the agent is reached from; at an agent of this machine without one, which is the
// node's. Its health_url may leave the host open ("http://:8081/health"): it gets the same one.
// That URL is asked first: if it answers, the check begins as passing, and a start costs nobody a
// check's interval.
//
// At most one request at a time, so that none overtakes another. Owned by the registry; control
// thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "control/discovery/consul/context.h"
#include "control/discovery/instance.h"

namespace ringgate::consul {

class Registration {
 public:
  // Starts at once. `gone` is called once, when the registration has been taken back; it may
  // destroy this.
  Registration(Context& context, Instance service, std::function<void()> gone);
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  void change(Instance service);  // also after withdraw()
  void withdraw();
  [[nodiscard]] bool is_withdrawn() const { return is_withdrawn_; }
  [[nodiscard]] bool is_there() const { return is_there_; }
  [[nodiscard]] bool is_waiting() const { return request_ != 0; }  // for an answer

 private:
  enum class Step : std::uint8_t {
    kAsk,    // to see which address of ours the agent is reached from
    kProbe,  // our own health_url
    kRegister,
    kLook,
    kLookLast,  // whether what is there is ours to take back
    kDeregister,
  };

  void next();
  [[nodiscard]] Step next_step() const;
  [[nodiscard]] bool may_be_overtaken() const;
  // What every step but kAsk is about.
  [[nodiscard]] const Instance& told() const;
  void take(Instance service);
  void send(Step step);
  void answered(Step step, const Reply& reply);
  void asked(const Reply& reply);
  void probed(const Reply& reply);
  void registered();
  void looked(const Reply& reply);
  [[nodiscard]] bool is_ours(const Reply& reply) const;
  void failed(Fault fault);
  void pause(std::chrono::milliseconds time);

  Context& context_;
  Instance service_;
  std::optional<Instance>
      sent_;  // service_ as Consul is told it; nothing: its address is not known
  const std::function<void()> gone_;
  const std::string who_;
  bool is_withdrawn_ = false;
  bool is_there_ = false;       // The agent has taken sent_.
  bool may_take_back_ = false;  // It has been seen to be ours, since withdraw().
  bool is_probed_ = false;
  bool answers_ = false;         // Our health_url did when it was probed.
  bool has_complained_ = false;  // The log was told that it does not.
  Backoff backoff_;
  Step step_ = Step::kRegister;  // Of request_.
  Http::RequestId request_ = 0;
  ControlLoop::TimerId timer_ = 0;
};

}  // namespace ringgate::consul
