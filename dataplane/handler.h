// What a protocol does with the connections of one shard: the gateway, or a logic service.
//
// One handler per shard, called on its thread only. A call may use every method of the shard,
// also on other connections, but does not block. One indirect call per packet, none per byte.
#pragma once

#include <cstdint>
#include <string_view>

#include "codec/bytes.h"
#include "dataplane/connection.h"
#include "dataplane/mailbox.h"
#include "dataplane/names.h"

namespace ringgate {

class Shard;

// What an adopted socket is for: travels with it through the mailbox.
struct AdoptedFor {
  std::uint64_t subject = 0;  // the handler's own number, for example an upstream
  std::uint32_t lane = 0;
  std::uint32_t epoch = 0;
};

class Handler {
 public:
  Handler() = default;
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  virtual ~Handler() = default;

  // What it counts and why it ends connections, beside what the dataplane does. Any thread.
  [[nodiscard]] virtual HandlerNames names() const noexcept { return {}; }

  // Before the first iteration.
  virtual void on_start(Shard& shard) = 0;
  // A client or a link was accepted. A client's PROXY header and upgrade are still to come: `peer`
  // may become another, and packets come only after them.
  virtual void on_accept(Connection& connection) = 0;
  // A connected socket came from another thread. It is a link.
  virtual void on_adopt(Connection& connection, const AdoptedFor& what) = 0;
  // A socket meant for adoption was closed instead: the table is full.
  virtual void on_adopt_refused(const AdoptedFor& /*what*/) {}
  // A binary message that is not a basic ping. `payload` is valid for the call.
  virtual void on_packet(Connection& connection, ByteView payload) = 0;
  // A text message, valid UTF-8: only where ShardOptions::plain_messages says so.
  virtual void on_text(Connection& /*connection*/, ByteView /*payload*/) {}
  // Exactly once per connection, when it leaves Phase::kOpen. What is appended to it here is still
  // sent if the close flushes, before the close frame. Ending the connection here does nothing.
  // What `connection.user()` is, is the handler's to free.
  virtual void on_close(Connection& connection, CloseReason reason) = 0;
  // The peer has ended its side, and all that it sent before has been handled. True: the connection
  // ends now. False: something is still to be said to it; the handler ends it (finish()) after
  // that.
  [[nodiscard]] virtual bool on_peer_end(Connection& /*connection*/) { return true; }
  // Shard::tell_when_sent() was asked for, and nothing is queued any more. The connection is open.
  virtual void on_sent(Connection& /*connection*/) {}
  // `connection.deadline_ms` has passed (it is 0 again).
  virtual void on_deadline(Connection& connection) = 0;
  // A message of a kind the shard does not know. Valid for the call.
  virtual void on_mail(std::uint32_t from, MailKind kind, ByteView message) = 0;
  // About every sweep_ms.
  virtual void on_tick() = 0;
  // After each batch of completions and mail, before anything is sent.
  virtual void on_batch_end() {}
};

}  // namespace ringgate
