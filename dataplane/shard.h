// A shard: one thread, one ring, and everything of the connections that live on it.
//
// The loop is submit / reap / dispatch / mail / sweep / send. Nothing of a shard is touched by
// another thread, except its counters (read) and its mailboxes. All methods are for the shard's
// own thread, from within Handler calls, unless they say otherwise; all builds but release check
// it.
//
// Its private functions are cut into files by what a connection goes through (opening, input,
// share, tls, websocket, idle, output, sweep). They are one class because each may end the
// connection, hold its input or queue output, and a part that handed that back would need the whole
// shard again.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "codec/error.h"
#include "codec/ws_upgrade.h"
#include "dataplane/acceptor.h"
#include "dataplane/address_counts.h"
#include "dataplane/block_pool.h"
#include "dataplane/check.h"
#include "dataplane/clock.h"
#include "dataplane/connection.h"
#include "dataplane/connection_table.h"
#include "dataplane/counters.h"
#include "dataplane/gathering.h"
#include "dataplane/handler.h"
#include "dataplane/mail.h"
#include "dataplane/mail_sender.h"
#include "dataplane/ring.h"
#include "dataplane/shard_mail.h"
#include "dataplane/shard_options.h"
#include "dataplane/shard_tls.h"
#include "dataplane/switchboard.h"

namespace ringgate {

// Why a client is sent something: it has asked for it, or others wanted it.
enum class Why : std::uint8_t { kPushed, kAsked };

class Shard {
 public:
  // The switchboard's endpoint `options.index` is this shard. Both references outlive it.
  Shard(const ShardOptions& options, Switchboard& switchboard, Handler& handler);
  ~Shard();

  // On the shard's thread: creates the ring, then runs until kMailStop. Without `accept_now`
  // clients wait in the listeners' backlogs until kMailAccept. The listeners outlive this.
  [[nodiscard]] Result<void> start(AcceptMode mode, std::span<Listener> listeners,
                                   bool accept_now = true);
  void run();
  // One iteration of the loop; run() is this until stopped. Waits at most `wait_ms`.
  void iterate(unsigned wait_ms);
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  // When all threads of the group have ended: closes the sockets in mail that nobody has read, and
  // in what still waits to be sent.
  void discard_mail();
  // Mail that nobody will read: closes the socket in it, and frees what it owns. Any thread.
  static void discard(MailKind kind, ByteView message);

  // --- What a handler uses -----------------------------------------------------------------
  [[nodiscard]] const ShardOptions& options() const noexcept { return options_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return options_.index; }
  [[nodiscard]] std::uint32_t now_ms() const noexcept { return clock_.now_ms(); }
  // When this turn began, on the clock of all shards: Clock::monotonic_us(). Stalls count.
  [[nodiscard]] std::uint32_t now_us() const noexcept {
    return static_cast<std::uint32_t>(turn_us_);
  }
  // The same with all of its bits.
  [[nodiscard]] std::uint64_t turn_us() const noexcept { return turn_us_; }
  [[nodiscard]] BlockPool& pool() noexcept {
    RINGGATE_ON_THREAD(thread_);
    return pool_;
  }
  [[nodiscard]] Counters& counters() noexcept { return counters_; }
  // Any thread may read them.
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  // The names of what its handler counts, and of the handler's reasons. Any thread.
  [[nodiscard]] HandlerNames names() const noexcept { return handler_.names(); }
  // When the loop last turned, in ms of CLOCK_MONOTONIC. Any thread.
  [[nodiscard]] std::uint64_t last_turn_ms() const noexcept { return last_turn_ms_.get(); }

  // The connection of that slot, if it is in use (any phase) or null.
  [[nodiscard]] Connection* at(std::uint32_t slot) noexcept {
    RINGGATE_ON_THREAD(thread_);
    return table_.at(slot);
  }
  // The connection itself, or null when the slot has been reused.
  [[nodiscard]] Connection* find(ConnectionHandle handle) noexcept {
    RINGGATE_ON_THREAD(thread_);
    return table_.find(handle);
  }
  [[nodiscard]] ConnectionId id_of(const Connection& connection) const noexcept {
    return {options_.index, connection.slot, connection.generation};
  }
  [[nodiscard]] ConnectionTable& table() noexcept {
    RINGGATE_ON_THREAD(thread_);
    return table_;
  }
  // The number of the control thread, and of others beside the shards, as mail addresses.
  [[nodiscard]] std::uint32_t control() const noexcept { return switchboard_.control(); }
  [[nodiscard]] std::uint32_t extra(std::uint32_t number) const noexcept;

  // Room for `bytes` at the end of what the connection sends; fill it before returning to the loop.
  // Null when the connection is not open, its queue is at its bound, or there is no memory (a
  // client is closed then). A client at its bound is a slow consumer and is closed, but not by what
  // it asked for: then it is not read from until that has gone (max_answer_bytes). A link is not
  // closed (the caller answers 300).
  [[nodiscard]] std::uint8_t* reserve(Connection& connection, std::size_t bytes,
                                      Why why = Why::kPushed);
  // The same for a block that several connections send: head is copied, the block referred to.
  bool append_shared(Connection& connection, ByteView head, SharedBlock* block);
  // The same for a frame's payload: its head, in the connection's transport, is written here.
  [[nodiscard]] std::uint8_t* reserve_frame(Connection& connection, Opcode opcode,
                                            std::size_t payload_bytes, Why why = Why::kPushed);

  // Sends what is queued, then a close frame with the reason (clients), then closes; or closes at
  // once, and drops what is queued.
  void finish(Connection& connection, CloseReason reason);
  // The same with `more` behind the reason's name, as far as a close frame has room for it.
  void finish(Connection& connection, CloseReason reason, std::string_view more);
  void abort(Connection& connection, CloseReason reason);

  // From now on input is collected and not parsed, until release_input(). Beyond
  // `max_held_bytes` reading pauses. A peer that ends meanwhile stays: what it sent before is
  // handled on release, so whoever holds input sets a deadline.
  void hold_input(Connection& connection) noexcept {
    RINGGATE_ON_THREAD(thread_);
    connection.held = true;
  }
  void release_input(Connection& connection);

  // `after_ms` from now on_deadline is called; 0 clears it.
  void set_deadline(Connection& connection, std::uint32_t after_ms) noexcept;

  // Once, when all that is queued has been taken by the socket: Handler::on_sent.
  void tell_when_sent(Connection& connection) noexcept;

  // Takes over a connected socket as a link. Null (and the fd is closed) when there is no room.
  Connection* adopt(int fd, const PeerAddress& peer);
  void stop_accepting();
  // Whether somebody may still come in; false some turns after stop_accepting().
  [[nodiscard]] bool may_accept() const noexcept;

  // The handler has more to do: the loop waits no longer than that before the next turn.
  void want_turn(std::uint32_t within_ms = 0) noexcept {
    RINGGATE_ON_THREAD(thread_);
    turn_within_ms_ = std::min(turn_within_ms_, within_ms);
  }
  // At the end of this turn, one of a connection; and begun before it and not ended, as the socket
  // has not taken them whole.
  [[nodiscard]] std::size_t sends_due() const noexcept { return dirty_.size(); }
  [[nodiscard]] std::uint32_t sends_under_way() const noexcept { return sends_under_way_; }

  // From now on: bounds of connections and times that are not sized at start, and the rules for
  // upgrades of each listener, for those under way too. Both are copied. `tls`, of each listener,
  // is for handshakes that begin; without it they stay as they are.
  void reconfigure(const ShardLimits& limits, std::span<const WsUpgradeOptions> upgrades,
                   std::span<const TlsContext> tls = {});

  // A message to another endpoint, visible at the end of the batch. False: there was no room, and
  // it is dropped and counted.
  template <class Payload>
  bool mail(std::uint32_t to, MailOf<Payload> kind, const std::type_identity_t<Payload>& payload) {
    std::uint8_t* const room = reserve_mail(to, kind, sizeof payload, Urgency::kData);
    if (room != nullptr) std::memcpy(room, &payload, sizeof payload);
    return room != nullptr;
  }
  // The same with bytes behind the head: returns the room for them, to be filled before returning
  // to the loop, or null.
  template <class Head>
  [[nodiscard]] std::uint8_t* mail(std::uint32_t to, MailWith<Head> kind,
                                   const std::type_identity_t<Head>& head, std::size_t more_bytes,
                                   Urgency urgency = Urgency::kData) {
    std::uint8_t* const room = reserve_mail(to, kind, sizeof head + more_bytes, urgency);
    if (room == nullptr) return nullptr;
    std::memcpy(room, &head, sizeof head);
    return room + sizeof head;
  }
  [[nodiscard]] std::uint8_t* mail(std::uint32_t to, MailBytes kind, std::size_t bytes) {
    return reserve_mail(to, kind, bytes, Urgency::kData);
  }
  [[nodiscard]] std::uint32_t mail_fill_percent(std::uint32_t to) noexcept;  // MailSender
  // Control messages: never dropped, see MailSender.
  template <class Payload>
  void mail_surely(std::uint32_t to, MailOf<Payload> kind,
                   const std::type_identity_t<Payload>& payload) {
    send_mail(to, kind, bytes_of(payload), {});
  }
  template <class Head>
  void mail_surely(std::uint32_t to, MailWith<Head> kind, const std::type_identity_t<Head>& head,
                   ByteView more) {
    send_mail(to, kind, bytes_of(head), more);
  }
  void mail_surely(std::uint32_t to, MailBytes kind, ByteView message) {
    send_mail(to, kind, message, {});
  }
  // Of a kind that a handler does not know; and what was noted of such mail, for any thread.
  void unknown_mail(std::uint32_t from, MailKind kind) noexcept;
  [[nodiscard]] const UnknownMail& unknown_mail() const noexcept { return unknown_mail_; }

 private:
  static constexpr std::uint32_t kNoTurn = UINT32_MAX;
  static constexpr std::int32_t kPacketShare = 8;  // a packet beside a frame: see shard_share.cc
  static constexpr std::size_t kMostDeferredBytes = 8 * 1024;  // of a client, before reading pauses

  // shard.cc: the loop
  [[nodiscard]] Result<void> prepare_tls();
  void begin_turn() noexcept;
  void end_batch();
  void wind_up();
  void close_all();
  void dispatch(const Completion& completion);
  void read_mail();
  void take_mail(std::uint32_t from, MailKind kind, ByteView message);
  void publish_mail();
  [[nodiscard]] std::uint8_t* reserve_mail(std::uint32_t to, MailKind kind, std::size_t bytes,
                                           Urgency urgency);
  void send_mail(std::uint32_t to, MailKind kind, ByteView head, ByteView more);
  void arm_wake();
  [[nodiscard]] unsigned wait_for() const noexcept;
  [[nodiscard]] bool may_sweep(bool stalled, std::size_t reaped);

  // shard_input.cc: bytes in
  void on_recv(const Completion& completion, OpTag tag);
  void peer_ended(Connection& connection);
  void receive_ended(Connection& connection, std::int32_t result);
  void on_plain(Connection& connection, MutableBytes data);
  void complete_carry(Connection& connection, MutableBytes& data);
  [[nodiscard]] std::size_t missing(const Connection& connection) const;
  [[nodiscard]] std::size_t parse(Connection& connection, MutableBytes input);
  [[nodiscard]] std::size_t parse_tcp(Connection& connection, ByteView input);
  void on_tcp_frame(Connection& connection, const Frame& frame);
  void on_binary(Connection& connection, ByteView payload);
  void keep(Connection& connection, ByteView rest);
  void pause_reading(Connection& connection);
  void stop_reading(Connection& connection);
  void arm_recv(Connection& connection);
  void resume_reading(Connection& connection);
  [[nodiscard]] static bool may_read(const Connection& connection) noexcept;
  void want_rearm(Connection& connection);
  void rearm_receives();

  // shard_share.cc: what one connection may have of a turn, and a client of a second
  [[nodiscard]] std::size_t parse_share(Connection& connection, MutableBytes input);
  [[nodiscard]] std::int32_t share_of(const Connection& connection) const noexcept;
  void defer(Connection& connection);
  [[nodiscard]] bool has_deferred() const noexcept;
  void serve_deferred();
  void go_on(Connection& connection);
  void note_read(Connection& connection) noexcept;
  void spend(Connection& connection, std::uint32_t frames, std::size_t bytes);
  void count_frame() noexcept {
    --share_;
    ++frames_;
  }
  void throttle(Connection& connection);
  void release_throttled();
  void forgive_throttled();
  [[nodiscard]] bool has_room_for_answers(Connection& connection, std::size_t bytes, Why why);
  [[nodiscard]] bool answers_are_too_many(std::size_t more_bytes);
  [[nodiscard]] bool close_for_answers_of(const Connection& connection);
  void has_sent_answers(Connection& connection, std::size_t bytes);
  void is_no_longer_full(Connection& connection);

  // shard_idle.cc: a poll instead of a receive
  [[nodiscard]] bool silent_for_long(const Connection& connection) const noexcept;
  void give_up_receive(Connection& connection);
  void arm_poll(Connection& connection);
  void on_poll(OpTag tag);

  // shard_tls.cc: TLS handshakes, and sealed bytes in
  [[nodiscard]] bool begin_tls(Connection& connection);
  [[nodiscard]] std::size_t take_first_sealed(Connection& connection, ByteView input);
  void collect_for_handshake(Connection& connection, TlsState& state, ByteView data);
  void want_step(Connection& connection, TlsState& state);
  [[nodiscard]] bool waits_for_step(const Connection& connection) const noexcept;
  [[nodiscard]] bool has_steps() const noexcept;
  [[nodiscard]] std::uint32_t most_handshakes() const noexcept;
  void step_handshake();
  [[nodiscard]] Connection* next_step();
  void step_handshake(Connection& connection, TlsState& state);
  void handshake_done(Connection& connection, TlsState& state);
  [[nodiscard]] bool take_secrets(const TlsHandshake& handshake, TlsState& state);
  TlsState::Handshake end_handshake(TlsState& state);
  void count_handshakes(std::int32_t by);
  void on_sealed(Connection& connection, MutableBytes data);
  void on_records(Connection& connection, TlsState& state, MutableBytes data);
  [[nodiscard]] static std::size_t record_need(ByteView part) noexcept;
  // There is one once prepare_tls() has been called.
  [[nodiscard]] tls::Cipher& cipher() noexcept;
  tls::OpenStep open_record(Connection& connection, TlsState& state, MutableBytes input);
  void peer_said_close(Connection& connection, TlsState& state);
  void on_session_bytes(Connection& connection, TlsState& state, TlsSession& session,
                        ByteView data);
  void begin_sealed(Connection& connection, tls::Records records);
  void forget_tls(Connection& connection);

  // shard_tls_output.cc: sealed bytes out
  void send_sealed(Connection& connection);
  void sent_sealed(Connection& connection, std::size_t bytes);
  void drop_wire(Connection& connection, TlsState& state);
  [[nodiscard]] bool seal(Connection& connection, TlsState& state);
  [[nodiscard]] bool seal_records(TlsState& state, std::span<const ByteView> payload,
                                  std::size_t bytes, bool ends);
  [[nodiscard]] bool seal_session(TlsState& state, std::span<const ByteView> payload, bool ends);

  // shard_websocket.cc: WebSocket frames in
  [[nodiscard]] std::size_t parse_ws(Connection& connection, MutableBytes input);
  void on_ws_frame(Connection& connection, const WsFrameHead& head, ByteView payload);
  void on_ws_data(Connection& connection, const WsAction& action, ByteView payload);
  void on_message(Connection& connection, ByteView payload, bool text);
  void drop_parts(const Connection& connection);

  // shard_opening.cc: what comes before a client's frames
  void begin_opening(Connection& connection, std::uint32_t listener);
  [[nodiscard]] Stage stage_after_proxy(const Connection& connection) const noexcept;
  [[nodiscard]] static Stage stage_after_tls(const Connection& connection) noexcept;
  [[nodiscard]] std::size_t parse_opening(Connection& connection, MutableBytes input);
  [[nodiscard]] std::size_t take_proxy_header(Connection& connection, ByteView input);
  [[nodiscard]] std::size_t skip_proxy_rest(Connection& connection, ByteView input);
  [[nodiscard]] std::size_t take_upgrade(Connection& connection, ByteView input);
  void forget_client(Connection& connection);
  void move_source(Connection& connection, const PeerAddress& source);
  [[nodiscard]] bool is_proxy(const PeerAddress& peer) const noexcept;
  [[nodiscard]] bool count_source(const PeerAddress& peer);
  void forget_source(const PeerAddress& peer);

  // shard_output.cc: bytes out, and the end of a connection
  void mark_dirty(Connection& connection);
  void send_dirty();
  void start_send(Connection& connection);
  void begin_send(Connection& connection);
  void on_send(const Completion& completion, OpTag tag);
  void queue_frame(Connection& connection, Opcode opcode, ByteView payload, Why why = Why::kPushed);
  [[nodiscard]] bool may_queue(Connection& connection, std::size_t bytes, Why why);
  void finish(Connection& connection, CloseReason reason, WsCloseCode code,
              std::string_view more = {});
  void queue_close(Connection& connection, CloseReason reason, WsCloseCode code,
                   std::string_view more);
  void leave_open(Connection& connection, CloseReason reason);
  void begin_linger(Connection& connection);
  void begin_closing(Connection& connection);
  void try_close(Connection& connection);
  void free_slot(Connection& connection);

  // shard_accept.cc
  void start_accepting();
  void on_accept(const Completion& completion, OpTag tag);
  [[nodiscard]] Acceptor::Room room() noexcept;
  [[nodiscard]] std::uint32_t accepts_left() noexcept;
  void note_accept() noexcept;
  void give_accept_back(const Connection& gone) noexcept;
  void open_client(std::uint32_t slot, const PeerAddress& peer, std::uint32_t listener);
  void hand_out(int fd, const PeerAddress& peer, std::uint32_t listener);
  void take_accepted(int fd, const PeerAddress& peer, std::uint32_t listener);
  void take_adopted(const AdoptMail& mail);
  void refuse_link(int fd);

  // shard_sweep.cc
  void sweep();
  void sweep_one(Connection& connection);
  void judge_alone(Connection& connection, bool sending);
  void let_the_kernel_judge(Connection& connection);
  void sweep_open(Connection& connection, bool late);
  void cancel_what_hangs(Connection& connection);
  [[nodiscard]] bool silent_for_a_sweep(const Connection& connection) const noexcept;
  void look(Connection& connection);
  void on_look(const Completion& completion, OpTag tag);
  void ping(Connection& connection);

  const RoleLimits& limits(const Connection& connection) const noexcept {
    return options_.limits[static_cast<std::size_t>(connection.role)];
  }
  // Within on_close: still open, but finish() and abort() have begun.
  [[nodiscard]] static bool ending(const Connection& connection) noexcept {
    return connection.open() && connection.reason != CloseReason::kNone;
  }
  [[nodiscard]] static BufferGroup group_of(Role role) noexcept {
    return role == Role::kClient ? BufferGroup::kClients : BufferGroup::kLinks;
  }
  [[nodiscard]] std::uint64_t tag(OpKind kind, const Connection& connection) const noexcept {
    return OpTag{kind, connection.slot, connection.generation}.pack();
  }

  ShardOptions options_;
  OwnThread thread_;  // from start() on
  Switchboard& switchboard_;
  Handler& handler_;
  Clock clock_;
  Counters counters_;
  Cell last_turn_ms_;
  std::uint64_t turn_us_ = 0;
  BlockPool pool_;
  ConnectionTable table_;
  AddressCounts sources_;
  Acceptor acceptor_;
  std::unique_ptr<Ring> ring_;  // after what its operations point to

  std::vector<std::uint32_t> dirty_;        // slots
  std::vector<std::uint32_t> rearm_;        // slots whose receive has ended
  std::vector<ConnectionHandle> deferred_;  // until their next share of a turn
  std::vector<ConnectionHandle> round_;     // of the deferred that are being served
  std::size_t round_next_ = 0;
  std::vector<ConnectionHandle> throttled_;  // until the next second
  std::uint32_t full_clients_ = 0;           // Connection::full
  std::uint32_t next_answers_look_ms_ = 0;
  std::size_t answer_bytes_ = 0;   // that wait for the full ones, about
  std::int32_t share_ = 0;         // left to the connection that is being parsed
  std::uint32_t turn_work_ = 0;    // done in this turn, as shares count it
  std::uint32_t frames_ = 0;       // parsed, ever
  std::uint32_t link_frames_ = 0;  // of them, those of links
  Gathering gathering_;
  MailSender sender_;
  UnknownMail unknown_mail_;
  // By slot, of the few within a long PROXY header, an upgrade, or a fragmented message.
  absl::flat_hash_map<std::uint32_t, std::size_t> proxy_rests_;  // bytes still to come
  absl::flat_hash_map<std::uint32_t, WsUpgrade> upgrades_;
  absl::flat_hash_map<std::uint32_t, Carry> parts_;  // of its message, so far
  ShardTls tls_;
  std::vector<WsUpgradeOptions> upgrade_rules_;  // of each listener; those under way refer to them
  AcceptMode accept_mode_ = AcceptMode::kNone;
  std::span<Listener> listeners_;
  std::uint32_t hand_out_next_ = 0;
  std::uint32_t accepts_at_ms_ = 0;  // when the credit was what it is
  std::int64_t accept_credit_ = 0;   // thousandths of an accept; less than none: more have come
  bool accepts_paused_ = false;      // the rate has been reached
  std::uint32_t sends_under_way_ = 0;
  std::uint32_t turn_within_ms_ = kNoTurn;
  std::uint32_t next_sweep_ms_ = 0;
  std::uint32_t next_trim_ms_ = 0;  // of receive buffers and mailboxes
  std::uint32_t next_pool_trim_ms_ = 0;
  std::uint32_t sweep_cursor_ = 0;
  std::uint32_t polls_left_ = 0;       // in this sweep
  std::uint32_t looks_left_ = 0;       // the same
  std::uint32_t behind_until_ms_ = 0;  // after a stall: nobody is judged; 0: not behind
  bool wake_armed_ = false;
  bool stopped_ = false;
};

}  // namespace ringgate
