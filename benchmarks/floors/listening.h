// The sockets that a floor listens on.
//
// Opened by the main thread before the shards start, and closed by it after they have ended.
#pragma once

#include <string>
#include <vector>

#include "codec/error.h"
#include "control/base/unique_fd.h"

namespace ringgate::bench {

class ListeningSockets {
 public:
  // `count` sockets of one port, among which the kernel spreads what connects. TCP_NODELAY is set
  // and inherited by what they accept. The error is a sentence.
  [[nodiscard]] static Result<ListeningSockets> open(const std::string& host_port, unsigned count);

  [[nodiscard]] int fd(unsigned index) const noexcept { return fds_[index].get(); }
  // `HOST:PORT`, with the port that was taken.
  [[nodiscard]] const std::string& address() const noexcept { return address_; }

 private:
  std::vector<UniqueFd> fds_;
  std::string address_;
};

}  // namespace ringgate::bench
