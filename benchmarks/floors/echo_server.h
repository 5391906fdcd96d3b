// The floor that a ping is measured against: an io_uring server of the gateway's own shape (ring
// flags, multishot recv into provided buffers, direct descriptors, one send per batch and
// connection, one thread) that looks at nothing. For every 13 bytes it received, the size of a
// basic ping in a TCP frame, it sends the 13 bytes of a pong.
//
// One thread owns an EchoServer, from open() on. A connection is its slot in the table of direct
// descriptors; the kernel gives the slot out again only after our close of it, and we close only
// when neither recv nor send is in flight: so user_data needs no generation.
#pragma once

#include <sys/socket.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "benchmarks/common/address.h"
#include "benchmarks/common/bench_ring.h"
#include "codec/error.h"
#include "codec/packet.h"

namespace ringgate::bench {

inline constexpr std::size_t kEchoMessageBytes = kTcpPing.size();
inline constexpr std::size_t kPongsPerSend = 1024;
inline constexpr unsigned kAcceptsArmed = 16;

struct EchoConnection {
  std::uint32_t owed_pongs = 0;
  std::uint16_t partial_bytes = 0;  // of a message not yet complete
  bool open = false;
  bool receiving = false;
  bool sending = false;
  bool dirty = false;  // on the list of this batch
};

struct PendingAccept {
  sockaddr_storage peer{};
  socklen_t peer_bytes = 0;
};

class EchoServer {
 public:
  EchoServer() = default;
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  [[nodiscard]] Result<void> open(const std::string& host_port);
  [[nodiscard]] std::string listening_on() const { return format_address(address_); }
  // Until `stop` is set, looked at every 100 ms and after each batch; 0 or -errno.
  int run(const volatile std::sig_atomic_t& stop);

 private:
  [[nodiscard]] Result<void> listen_on(const std::string& host_port);
  void arm_accept(std::uint32_t which);
  void arm_idle_accepts();
  void on_completion(const io_uring_cqe& cqe);
  void on_accept(std::uint32_t which, int result);
  void on_recv(std::uint32_t slot, const io_uring_cqe& cqe);
  void on_send(std::uint32_t slot, int result);
  void on_closed(std::uint32_t slot);
  void end_batch();
  void send_owed(std::uint32_t slot, EchoConnection& connection);
  void close_when_idle(std::uint32_t slot, EchoConnection& connection);
  void mark_dirty(std::uint32_t slot, EchoConnection& connection);

  BenchRing ring_;
  int listener_ = -1;
  Address address_;
  std::vector<EchoConnection> connections_;
  std::vector<std::uint32_t> dirty_;    // connections with something to do at the batch's end
  std::vector<std::uint32_t> starved_;  // whose recv ended for want of buffers
  std::array<PendingAccept, kAcceptsArmed> accepts_;
  std::vector<std::uint32_t> idle_accepts_;  // not armed: the table could not take another
  std::size_t used_slots_ = 0;               // open connections and armed accepts
  std::array<std::uint8_t, kPongsPerSend * kEchoMessageBytes> pongs_{};
};

}  // namespace ringgate::bench
