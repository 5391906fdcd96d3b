// The floor that a ping over TLS is measured against: bare_echo's server (echo_server.h) with
// records of TLS 1.3 around its 13 bytes, and a kept context for each direction of a connection.
//
// One thread owns a TlsEchoServer, from open() on. Handshakes are made there, one after the other:
// they are not what is measured, and nobody's pings are answered meanwhile. A connection is its
// slot, as in EchoServer.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/floors/floor.h"
#include "benchmarks/floors/tls_handshakes.h"
#include "codec/error.h"
#include "codec/packet.h"

namespace ringgate::bench {

inline constexpr std::size_t kTlsPongsPerRecord = 64;

struct TlsEchoConnection {
  KeptRecords records;
  std::vector<std::uint8_t> carry;  // the start of a record
  std::uint32_t owed_pongs = 0;
  std::uint16_t partial_bytes = 0;  // of a message not yet complete
  bool open = false;
  bool receiving = false;
  bool sending = false;
  bool shut_down = false;      // what is no data has come
  bool shutting_down = false;  // in flight
  bool dirty = false;          // on the list of this batch
  // What is sent stays here until it is.
  std::array<std::uint8_t, kTlsOverheadBytes + kTlsPongsPerRecord * kTcpPong.size()> record{};
};

class TlsEchoServer final : public FloorShard {
 public:
  // The listening socket outlives this.
  explicit TlsEchoServer(int listener);

  [[nodiscard]] Result<void> open() override;
  [[nodiscard]] Result<void> run(const std::atomic<bool>& stop) override;

 private:
  void arm_accept();
  void on_completion(const io_uring_cqe& cqe);
  void on_accept(const io_uring_cqe& cqe);
  void take(int socket);
  void on_recv(std::uint32_t slot, const io_uring_cqe& cqe);
  void on_bytes(TlsEchoConnection& connection, MutableBytes bytes);
  std::size_t open_records(TlsEchoConnection& connection, MutableBytes bytes);
  void on_send(std::uint32_t slot, int result);
  void end_batch();
  void send_owed(std::uint32_t slot, TlsEchoConnection& connection);
  void close_when_idle(std::uint32_t slot, TlsEchoConnection& connection);
  void mark_dirty(std::uint32_t slot, TlsEchoConnection& connection);

  int listener_;
  bool accepting_ = false;
  BenchRing ring_;
  std::unique_ptr<TlsHandshakes> handshakes_;
  std::vector<TlsEchoConnection> connections_;
  std::vector<std::uint32_t> free_;     // slots
  std::vector<std::uint32_t> dirty_;    // connections with something to do at the batch's end
  std::vector<std::uint32_t> starved_;  // whose recv ended for want of buffers
};

}  // namespace ringgate::bench
