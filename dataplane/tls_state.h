// What a connection of a TLS listener has beside its Connection, from its first sealed byte to its
// end: a block of the shard's pool. So plain connections are no larger for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "codec/bytes.h"
#include "codec/tls/records.h"
#include "dataplane/block_pool.h"
#include "dataplane/connection.h"
#include "dataplane/tls_handshake.h"

namespace ringgate {

// Sealed bytes that are being sent, or are sent next. Its bytes follow it in the same block.
struct TlsWire {
  std::uint32_t capacity = 0;  // of the block, header included
  std::uint32_t begin = 0;     // sent before this
  std::uint32_t end = 0;
  std::uint32_t output_bytes = 0;  // that it seals: in flight in the connection's queue, until sent

  [[nodiscard]] std::uint8_t* data() noexcept {
    return reinterpret_cast<std::uint8_t*>(this) + sizeof(TlsWire);
  }
  // Null: there is no memory for it.
  [[nodiscard]] static TlsWire* create(BlockPool& pool, std::size_t bytes);
  static void release(BlockPool& pool, TlsWire* wire) noexcept;
};

struct TlsState {
  // What the connection's bytes are for: a handshake that waits for its first step (null) or is
  // under way, then records of TLS 1.3, or of 1.2 by OpenSSL's object.
  using Handshake = std::unique_ptr<TlsHandshake>;
  using Session = std::unique_ptr<TlsSession>;
  std::variant<Handshake, tls::Records, Session> layer;

  Carry sealed;                // what has come and is not opened: a part of a record, at most
  TlsWire* wire = nullptr;     // null: nothing sealed is to be sent
  std::uint32_t began_us = 0;  // Shard::now_us() of its first bytes
  std::optional<tls::Alert> alert{};  // is sent instead of what is queued, and is the last
  bool under_way : 1 = true;          // its handshake is, and counts
  bool queued : 1 = false;            // on the list of handshakes that wait for a step
  bool peer_ended : 1 = false;        // it has said that it sends nothing more
  bool closed : 1 = false;            // our last alert is in the wire, or was

  [[nodiscard]] bool in_handshake() const noexcept { return layer.index() == 0; }
};
static_assert(sizeof(TlsState) <= 256, "memory per idle connection is a target of the design");

// Whole records at the front of `bytes`. What begins with no record is whole: it is refused at
// once.
[[nodiscard]] std::size_t whole_tls_records(ByteView bytes) noexcept;

}  // namespace ringgate
