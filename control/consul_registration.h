// Keeps one service of ours registered at the agent: puts it there, looks every so often whether it
// is still there as it should be, puts it there again when it is not, and takes it back at the end.
// At most one request at a time, so that none overtakes another. Owned by the registry; control
// thread only.
#pragma once

#include <functional>
#include <string>

#include "control/consul_context.h"
#include "control/service.h"

namespace ringgate {

class ConsulRegistration {
 public:
  // Starts at once. `gone` is called once, when the registration has been taken back; it may
  // destroy this.
  ConsulRegistration(ConsulContext& context, Service service, std::function<void()> gone);
  ~ConsulRegistration();
  ConsulRegistration(const ConsulRegistration&) = delete;
  ConsulRegistration& operator=(const ConsulRegistration&) = delete;

  void change(Service service);  // also after withdraw()
  void withdraw();
  [[nodiscard]] bool is_withdrawn() const { return is_withdrawn_; }
  [[nodiscard]] bool is_there() const { return is_there_; }
  [[nodiscard]] bool is_waiting() const { return request_ != 0; }  // for an answer

 private:
  enum class Step : std::uint8_t { kRegister, kLook, kDeregister };

  void next();
  void send(Step step);
  void answered(Step step, const ConsulReply& reply);
  void registered();
  void looked(const ConsulReply& reply);
  void failed(ConsulFault fault);
  void pause(std::chrono::milliseconds time);

  ConsulContext& context_;
  Service service_;
  const std::function<void()> gone_;
  const std::string who_;
  bool is_withdrawn_ = false;
  bool is_there_ = false;  // The agent has taken service_.
  ConsulBackoff backoff_;
  Step step_ = Step::kRegister;  // Of request_.
  ConsulHttp::RequestId request_ = 0;
  ControlLoop::TimerId timer_ = 0;
};

}  // namespace ringgate
