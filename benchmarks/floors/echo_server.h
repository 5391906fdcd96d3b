// The floor that a ping is measured against: an io_uring server of the gateway's own shape (ring
// flags, multishot recv into provided buffers, direct descriptors, one send per batch and
// connection) that looks at nothing. For every 13 bytes it received, the size of a basic ping in a
// TCP frame, it sends the 13 bytes of a pong.
//
// One thread owns an EchoServer, from open() on. A connection is its slot in the table of direct
// descriptors; the kernel gives the slot out again only after our close of it, and we close only
// when neither recv nor send is in flight: so user_data needs no generation.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/floors/direct_acceptor.h"
#include "benchmarks/floors/floor.h"
#include "codec/error.h"
#include "codec/packet.h"

namespace ringgate::bench {

inline constexpr std::size_t kEchoMessageBytes = kTcpPing.size();
inline constexpr std::size_t kPongsPerSend = 1024;

struct EchoConnection {
  std::uint32_t owed_pongs = 0;
  std::uint16_t partial_bytes = 0;  // of a message not yet complete
  bool open = false;
  bool receiving = false;
  bool sending = false;
  bool dirty = false;  // on the list of this batch
};

// Others put something between a message and its pong: see relay_server.h.
class EchoServer : public FloorShard {
 public:
  // The listening socket outlives this.
  // Completions may gather for so long before they are looked at; 0: not at all.
  explicit EchoServer(int listener, unsigned gather_us = 0);

  [[nodiscard]] Result<void> open() override;
  [[nodiscard]] Result<void> run(const std::atomic<bool>& stop) override;

 protected:
  virtual void on_completion(const io_uring_cqe& cqe);
  // So many messages of that client have come.
  virtual void on_messages(std::uint32_t slot, std::uint32_t count) { owe(slot, count); }
  virtual void end_batch();
  void owe(std::uint32_t slot, std::uint32_t pongs);

  BenchRing ring_;

 private:
  void on_accept(std::uint32_t which, int result);
  void on_recv(std::uint32_t slot, const io_uring_cqe& cqe);
  void on_send(std::uint32_t slot, int result);
  void on_closed(std::uint32_t slot);
  void send_owed(std::uint32_t slot, EchoConnection& connection);
  void close_when_idle(std::uint32_t slot, EchoConnection& connection);
  void mark_dirty(std::uint32_t slot, EchoConnection& connection);

  unsigned gather_us_;
  std::vector<EchoConnection> connections_;
  DirectAcceptor acceptor_;
  std::vector<std::uint32_t> dirty_;    // connections with something to do at the batch's end
  std::vector<std::uint32_t> starved_;  // whose recv ended for want of buffers
  std::array<std::uint8_t, kPongsPerSend * kEchoMessageBytes> pongs_{};
};

}  // namespace ringgate::bench
