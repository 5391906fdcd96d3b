// Shard: sealed bytes out. What waits in a connection's queue is sealed when a send is built, into
// a block of its own, and stays in the queue until all of that is sent: so the queue's bound counts
// what the client has not taken, as it does without TLS.
#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/check.h"
#include "dataplane/shard.h"

namespace ringgate {
namespace {

// In one send. With what its records add, and what may come before and behind them, it fits a
// block of 64 KiB.
constexpr std::size_t kMaxPayloadBytes = 60 * 1024;

// What one send seals. On the stack it would be a kilobyte of zeros first, for each send.
constinit thread_local std::array<ByteView, Ring::kMaxPieces> payload_parts{};

}  // namespace

void Shard::send_sealed(Connection& connection) {
  TlsState& state = *tls_.by_slot[connection.slot];
  if (state.wire == nullptr && !seal(connection, state)) {
    abort(connection, pool_.is_short() ? CloseReason::kNoMemory : CloseReason::kSendFailed);
    return;
  }
  if (TlsWire* const wire = state.wire; wire != nullptr) {
    ring_->send(connection.file(), wire->data() + wire->begin, wire->end - wire->begin,
                tag(OpKind::kSend, connection));
    begin_send(connection);
  } else if (connection.phase == Phase::kFlushing) {
    begin_linger(connection);
  }
}

void Shard::sent_sealed(Connection& connection, std::size_t bytes) {
  TlsState& state = *tls_.by_slot[connection.slot];
  TlsWire& wire = *state.wire;
  wire.begin += static_cast<std::uint32_t>(bytes);
  if (wire.begin == wire.end) {
    if (wire.output_bytes > 0) {
      connection.output.complete_send(pool_, std::exchange(wire.output_bytes, 0));
    }
    drop_wire(connection, state);
    want_step(connection, state);
  }
  // What else waits is in the queue, and on_send() looks there; OpenSSL's object may have words of
  // its own.
  if (state.wire != nullptr || !std::holds_alternative<tls::Records>(state.layer)) {
    mark_dirty(connection);
  }
}

void Shard::drop_wire(Connection& connection, TlsState& state) {
  TlsWire* const wire = std::exchange(state.wire, nullptr);
  if (wire == nullptr) return;
  if (wire->output_bytes > 0) connection.output.complete_send(pool_, 0);
  TlsWire::release(pool_, wire);
}

// The next wire, if there is anything to be sent. False: OpenSSL failed, or there is no memory.
bool Shard::seal(Connection& connection, TlsState& state) {
  if (state.closed || state.in_handshake()) return true;
  std::array<iovec, Ring::kMaxPieces> pieces;
  std::size_t count = 0;
  if (!connection.output.empty() && !state.alert) {
    count = connection.output.start_send(pieces, kMaxPayloadBytes);
  }
  auto& payload = payload_parts;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    payload[i] = {static_cast<const std::uint8_t*>(pieces[i].iov_base), pieces[i].iov_len};
    bytes += payload[i].size();
  }
  const bool is_last =
      connection.phase == Phase::kFlushing && bytes == connection.output.queued_bytes();
  const bool ends = state.alert || is_last;
  const std::span<const ByteView> gathered(payload.data(), count);
  const bool good = std::holds_alternative<TlsState::Session>(state.layer)
                        ? seal_session(state, gathered, ends)
                        : seal_records(state, gathered, bytes, ends);
  if (!good || (state.wire == nullptr && count > 0)) {
    connection.output.complete_send(pool_, 0);
    return false;
  }
  if (state.wire != nullptr) state.wire->output_bytes = static_cast<std::uint32_t>(bytes);
  return true;
}

bool Shard::seal_records(TlsState& state, std::span<const ByteView> payload, std::size_t bytes,
                         bool ends) {
  auto& records = std::get<tls::Records>(state.layer);
  const std::size_t sealed = records.data_bytes(bytes);
  const std::size_t all = sealed + (ends ? tls::kAlertBytes : 0);
  if (all == 0) return true;
  TlsWire* const wire = TlsWire::create(pool_, all);
  if (wire == nullptr) return false;
  state.wire = wire;
  std::uint8_t* to = wire->data();
  if (sealed > 0) to = records.write_data(to, cipher(), payload);
  if (ends && to != nullptr) {
    to = records.write_alert(to, cipher(), state.alert.value_or(tls::Alert::kCloseNotify));
    state.closed = true;
  }
  if (to != nullptr) return true;
  state.wire = nullptr;
  TlsWire::release(pool_, wire);
  return false;
}

bool Shard::seal_session(TlsState& state, std::span<const ByteView> payload, bool ends) {
  TlsSession& session = *std::get<TlsState::Session>(state.layer);
  for (const ByteView part : payload) {
    if (!session.write(part)) return false;
  }
  if (ends) {
    session.close();
    state.closed = true;
  }
  const std::size_t bytes = session.output_bytes();
  if (bytes == 0) return true;
  state.wire = TlsWire::create(pool_, bytes);
  if (state.wire == nullptr) return false;
  session.take_output({state.wire->data(), bytes});
  return true;
}

}  // namespace ringgate
