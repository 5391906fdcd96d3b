// A listening socket, and a few descriptors in reserve: when the process has none left, connections
// here are still accepted, a few at a time. Owns the socket and the reserve. One thread at a time;
// peers are told as they come.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/base/unique_fd.h"

namespace ringgate::http {

class Listener {
 public:
  // Port 0 takes a free one. A port that another process or socket listens on is an error, which
  // says to mend `key`, the name of the setting that `port` came from. An empty address is all.
  static Result<Listener> open(const std::string& address, std::uint16_t port,
                               const std::string& key);
  // One that listens already, at one of names_of(address, port).
  static Listener adopt(UniqueFd socket);
  // What open() may be bound to: "127.0.0.1:8081". Empty: the name has no address.
  static std::vector<std::string> names_of(const std::string& address, std::uint16_t port);

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] const Endpoint& bound() const noexcept { return bound_; }
  void close() { socket_ = UniqueFd(); }
  // For another process, which the caller gives it to. It may be empty: there is no descriptor.
  [[nodiscard]] UniqueFd copy() const;

  enum class Outcome : std::uint8_t { kAccepted, kNobody, kNoDescriptor, kNoMemory };
  struct Accepted {
    Outcome outcome = Outcome::kNobody;
    UniqueFd socket{};
    SocketAddress peer{};
  };
  // A connection that waits; its socket does not block.
  [[nodiscard]] Accepted accept();
  // Closes it. Its descriptor goes into the reserve if that is not full, and never meanwhile to
  // somebody else.
  void give_back(UniqueFd socket);

 private:
  Listener(UniqueFd socket, Endpoint bound);
  [[nodiscard]] bool somebody_waits() const;

  UniqueFd socket_;
  Endpoint bound_;
  UniqueFd filler_;  // what a descriptor in reserve refers to
  std::vector<UniqueFd> reserve_;
};

}  // namespace ringgate::http
