// One socket of a shard: what is known of it, what waits to be parsed and what waits to be sent.
//
// Connections live in their shard's table and never move. A slot is reused only when no operation
// of it is in flight; the generation tells a reused slot from the one that was meant. Only the
// shard's thread touches a Connection; what crosses threads is a ConnectionId.
#pragma once

#include <cstdint>
#include <type_traits>

#include "codec/ws_message.h"
#include "dataplane/block_pool.h"
#include "dataplane/check.h"
#include "dataplane/close_reason.h"
#include "dataplane/peer_address.h"
#include "dataplane/ring.h"
#include "dataplane/send_queue.h"
#include "dataplane/transport.h"

namespace ringgate {

struct ConnectionId {
  std::uint32_t shard = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// A connection of one shard that may have gone meanwhile: its slot, and which of those who had it.
struct ConnectionHandle {
  std::uint32_t slot = UINT32_MAX;
  std::uint32_t generation = 0;
};

enum class Role : std::uint8_t {
  kClient,  // of the gateway: small bounds, basic pings answered, idle timeout
  kLink,    // between a gateway and a logic service, dialled or accepted
};

//   kOpen ──finish──▶ kFlushing ──queue empty──▶ kLingering ──EOF or time──▶ kClosing ─▶ kClosed
//     └──────────────────────────── abort ────────────────────────────────▶ kClosing ─▶ kClosed
enum class Phase : std::uint8_t {
  kFree,
  kOpen,
  kFlushing,   // what is queued is still sent; what comes in is thrown away
  kLingering,  // our side is shut down: closing with unread input would reset what was just sent
  kClosing,    // shut down both ways, waiting for the completions of operations in flight
  kClosed,     // the close itself is in flight
};

// What the bytes that come in are; only forward.
enum class Stage : std::uint8_t {
  kProxyHeader,  // of a trusted proxy: codec/proxy_protocol.h
  kProxyRest,    // what is thrown away of it
  kTls,          // a TLS handshake: dataplane/tls_handshake.h
  kUpgrade,      // a WebSocket's opening handshake: codec/ws_upgrade.h
  kFrames,
};

// Input that could not be parsed yet: the start of a frame, or everything while input is collected.
// Grows with what has arrived, never with what a head declares.
struct Carry {
  std::uint8_t* data = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t size = 0;

  [[nodiscard]] ByteView view() const noexcept { return {data, size}; }
  [[nodiscard]] MutableBytes bytes() noexcept { return {data, size}; }
  // False: there is no memory for them, and it is as it was.
  [[nodiscard]] bool append(BlockPool& pool, ByteView bytes);
  void drop_front(BlockPool& pool, std::size_t bytes) noexcept;  // gives the block back when empty
  void clear(BlockPool& pool) noexcept { drop_front(pool, size); }
};

#ifdef NDEBUG
inline constexpr bool kUsersAreChecked = false;
#else
inline constexpr bool kUsersAreChecked = true;
#endif

// A number for each type that handlers keep of connections, from 1 on.
[[nodiscard]] std::uint8_t next_user_kind() noexcept;
template <class T>
[[nodiscard]] std::uint8_t user_kind() noexcept {
  static const std::uint8_t kind = next_user_kind();
  return kind;
}

struct Connection {
  // Operations in flight, one bit each: a slot is free when none is.
  enum Op : std::uint8_t {
    kRecvOp = 1,
    kSendOp = 2,
    kShutdownOp = 4,
    kCancelOp = 8,
    kCloseOp = 16,
    kPollOp = 32,  // never together with kRecvOp
    kLookOp = 64,
  };

  [[nodiscard]] ConnectionHandle handle() const noexcept { return {slot, generation}; }

  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  // A client's descriptor is its index in the ring's direct table, that is its slot.
  union {
    std::int32_t link_fd = -1;
    std::uint32_t pings;  // of a client that were answered
  };
  std::uint8_t listener = 0;  // a client's: which one it came through
  Phase phase : 3 = Phase::kFree;
  bool deferred : 1 = false;   // input is collected until its next share of a turn: shard_share.cc
  bool throttled : 1 = false;  // input is collected: it has sent more than it may in a second
  bool full : 1 = false;       // input is collected: what it asked for waits, see shard_share.cc
  bool unhurried : 1 = false;  // the kernel has no time limit for what it sends: see shard_sweep.cc
  bool spoke : 1 = false;      // a byte has come
  CloseReason reason;
  std::uint8_t ops = 0;
  bool held : 1 = false;         // input is collected, not parsed (a login waits for its answer)
  bool read_paused : 1 = false;  // too much was collected: no receive is armed
  bool dirty : 1 = false;        // on the list of connections with something to send
  bool saw_eof : 1 = false;      // nothing more will come from the peer
  bool wants_rearm : 1 = false;  // its receive ended and is armed again at the end of the batch
  bool parsing : 1 = false;      // input of it is being parsed further up the stack
  bool pinged : 1 = false;       // a WebSocket ping was sent and nothing has come since
  bool looked : 1 = false;       // the sweep has looked at its socket since its receive was armed
  bool idle : 1 = false;         // its next byte is waited for by a poll: see shard_idle.cc
  bool secured : 1 = false;      // its bytes are sealed: dataplane/tls_state.h
  bool tell_sent : 1 = false;    // its handler wants to know when its queue is empty
  Transport transport : 1 = Transport::kTcp;
  Stage stage : 3 = Stage::kFrames;
  Role role : 1 = Role::kClient;
  std::uint16_t send_began_us = 0;  // of Shard::now_us(), with last_write_ms: see sent_after_us()
  std::uint32_t last_read_ms = 0;   // shard clock
  std::uint32_t last_write_ms = 0;  // start of the last send
  std::uint32_t deadline_ms = 0;    // of the handler (login) or of the phase; 0: none

  Carry carry;
  SendQueue output;
  PeerAddress peer;         // the client's own where a trusted proxy says so
  std::uint16_t spent = 0;  // of what a client may send in a second, at last_read_ms
  WsMessage message;

  // What the handler keeps of this connection. It is the handler's, which frees it in on_close.
  // Whoever asks for it as another type than it was set as has a bug: checked in every build but
  // release, since it is asked for with every packet. Null: nothing is set.
  template <class T>
  [[nodiscard]] T* user() const noexcept {
#ifndef NDEBUG
    RINGGATE_CHECK(user_ == nullptr || user_kind_ == user_kind<std::remove_const_t<T>>());
#endif
    return static_cast<T*>(user_);
  }
  template <class T>
  void set_user(T& its_user) noexcept {
    static_assert(!std::is_const_v<T>);
    user_ = &its_user;
#ifndef NDEBUG
    user_kind_ = user_kind<T>();
#endif
  }
  void forget_user() noexcept { user_ = nullptr; }
  [[nodiscard]] bool has_user() const noexcept { return user_ != nullptr; }

  void send_begins(std::uint32_t now_ms, std::uint32_t now_us) noexcept {
    last_write_ms = now_ms;
    send_began_us = static_cast<std::uint16_t>(now_us);
  }
  // How long the last send took: its low 16 bits to the microsecond, the rest by the milliseconds,
  // which have a grain of a few.
  [[nodiscard]] std::uint32_t sent_after_us(std::uint32_t now_ms,
                                            std::uint32_t now_us) const noexcept {
    constexpr std::uint32_t kRound = 1U << 16U;
    const std::uint32_t low = (now_us - send_began_us) % kRound;
    const std::uint32_t about = (now_ms - last_write_ms) * 1000;
    return about <= low ? low : low + (about - low + kRound / 2) / kRound * kRound;
  }

  [[nodiscard]] File file() const noexcept {
    const bool is_client = role == Role::kClient;
    return {is_client ? static_cast<std::int32_t>(slot) : link_fd, is_client};
  }
  void count_ping() noexcept {
    if (role == Role::kClient) ++pings;
  }
  [[nodiscard]] bool open() const noexcept { return phase == Phase::kOpen; }
  // Whether its input is kept for later instead of parsed.
  [[nodiscard]] bool collects() const noexcept { return held || deferred || throttled || full; }
  // Whether anything of the peer is on its way to us: a receive, or the poll before one.
  [[nodiscard]] bool reading() const noexcept { return (ops & (kRecvOp | kPollOp)) != 0; }

 private:
  void* user_ = nullptr;
#ifndef NDEBUG
  std::uint8_t user_kind_ = 0;  // of what user_ points to
#endif
};
static_assert(sizeof(Connection) <= (kUsersAreChecked ? 120 : 112),
              "memory per idle connection is a target of the design");

}  // namespace ringgate
