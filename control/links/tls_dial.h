// The client's side of a link's TLS handshake, on a socket that is connected: on the control loop,
// so that no shard waits for it. What comes out is what the shard goes on from, and a socket on
// which the greeting has been written.
//
// TLS 1.3 only, whose records are ours (codec/tls/). There a client is done before the server has
// judged its certificate. So the first record behind the handshake is waited for: a ticket, which
// servers send once they are content, or an alert. Of a server that sends neither, kGrace is taken
// for a yes.
//
// Belongs to the control thread and never blocks it. `done` is called there, once, as the last
// thing that is done here: it may end this.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/base/address.h"
#include "control/base/error.h"
#include "control/base/loop.h"
#include "control/base/unique_fd.h"
#include "control/tls/client_stream.h"
#include "dataplane/tls_handover.h"

namespace ringgate {

class TlsDial {
 public:
  static constexpr std::chrono::milliseconds kGrace{1000};

  struct Sealed {
    UniqueFd fd;  // waits, as io_uring wants it
    std::unique_ptr<TlsHandover> handover;
  };
  using Done = std::function<void(Result<Sealed>)>;

  TlsDial(ControlLoop& loop, UniqueFd fd, std::unique_ptr<tls::ClientStream> stream,
          std::string greeting, Done done);
  ~TlsDial();
  TlsDial(const TlsDial&) = delete;
  TlsDial& operator=(const TlsDial&) = delete;

  void start(std::chrono::milliseconds timeout);

 private:
  void on_ready();
  void on_bytes(ByteView bytes);
  void flush();
  [[nodiscard]] Result<void> handshake_done();
  [[nodiscard]] Result<void> look_at_rest();
  void succeed();
  void fail(Error error);
  void stop();

  ControlLoop& loop_;
  UniqueFd fd_;
  std::unique_ptr<tls::ClientStream> stream_;
  std::string greeting_;
  Done done_;
  std::string output_;  // that the socket has not taken
  std::optional<tls::Records> records_;
  std::vector<std::uint8_t> rest_;  // came behind the handshake
  ControlLoop::TimerId timer_ = 0;
  ControlLoop::TimerId grace_timer_ = 0;
};

}  // namespace ringgate
