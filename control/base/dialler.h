// Dialling one link: resolve, connect, handshake. What comes out is a connected, blocking socket
// (io_uring waits for it) on which the handshake has been written; there is no reply to it.
//
// A name's addresses are dialled as RFC 8305 has it: families in turn, the next one when an address
// has failed or has said nothing for its share of the time, and the first that connects wins. What
// was begun goes on meanwhile, so that an address that swallows everything costs no other its turn.
//
// Belongs to the control thread and never blocks it. Callbacks come on that thread, exactly once,
// unless the dial is abandoned.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/base/address.h"
#include "control/base/loop.h"
#include "control/base/resolver.h"
#include "control/base/unique_fd.h"

namespace ringgate {

struct DialedSocket {
  UniqueFd fd;
  SocketAddress peer;
};

class Dialler {
 public:
  using DialId = std::uint64_t;
  using Done = std::function<void(Result<DialedSocket>)>;

  Dialler(ControlLoop& loop, std::chrono::milliseconds timeout);
  ~Dialler();
  Dialler(const Dialler&) = delete;
  Dialler& operator=(const Dialler&) = delete;

  // `greeting` is written as soon as the connection stands. Every address of the name is tried
  // within the timeout, which counts from here.
  DialId dial(const Endpoint& endpoint, std::string greeting, Done done);
  // No callback any more.
  void abandon(DialId id);

 private:
  struct Attempt;
  void resolved(DialId id, Resolver::Answer answer);
  void connect_next(DialId id);
  void connected(DialId id, int fd);
  void won(DialId id, UniqueFd fd, const SocketAddress& address);
  void give_up(DialId id, Error error);

  ControlLoop& loop_;
  std::chrono::milliseconds timeout_;
  DialId next_ = 1;
  std::map<DialId, std::unique_ptr<Attempt>> attempts_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Resolver resolver_;
};

}  // namespace ringgate
