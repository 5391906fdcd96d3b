#include "dataplane/shard.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "dataplane/check.h"

namespace ringgate {
namespace {

constexpr std::size_t kReapAtOnce = 256;
// Completions taken before sending and mail get their turn; more than a full CQ would starve them.
constexpr std::size_t kMaxReapedPerTurn = 16 * 1024;
constexpr std::uint32_t kNoSlot = 0xFFFFFF;

}  // namespace

Shard::Shard(const ShardOptions& options, Switchboard& switchboard, Handler& handler)
    : options_(options),
      switchboard_(switchboard),
      handler_(handler),
      clock_(options.time_ms),
      table_(options.max_clients, options.max_links),
      sources_(options.max_clients_per_address),
      sender_(switchboard, options.index) {
  parts_.reserve(16);     // below that, absl reallocates to be rid of tombstones
  deferred_.reserve(64);  // more of them at once are rare
  round_.reserve(64);
  dirty_.reserve(table_.size());
  rearm_.reserve(table_.size());
}

Shard::~Shard() {
  close_all();  // first: the ring's operations point into the table and the pool
  const auto free_memory = [this](Connection& connection) {
    if (connection.secured) forget_tls(connection);
    connection.output.complete_send(pool_, 0);
    connection.output.clear(pool_);
    connection.carry.clear(pool_);
  };
  table_.for_each_client(free_memory);
  table_.for_each_link(free_memory);
  for (auto& [slot, message] : parts_) message.clear(pool_);
}

Result<void> Shard::start(AcceptMode mode, std::span<Listener> listeners, bool accept_now) {
  RingOptions ring_options = options_.ring;
  ring_options.direct_files = mode == AcceptMode::kDirect ? options_.max_clients : 0;
  Result<std::unique_ptr<Ring>> ring = Ring::create(ring_options);
  if (!ring) return std::unexpected(ring.error());
  ring_ = std::move(*ring);
  clock_.update();
  next_sweep_ms_ = Clock::deadline(now_ms(), options_.sweep_ms);
  if (ring_->gathers()) gathering_.set_budget(options_.latency_budget_us);
  arm_wake();
  thread_.bind();
  handler_.on_start(*this);
  const bool accepts =
      mode == AcceptMode::kDirect || (mode == AcceptMode::kHandOut && options_.index == 0);
  accept_mode_ = accepts ? mode : AcceptMode::kNone;
  listeners_ = listeners;
  for (const Listener& listener : listeners) {
    upgrade_rules_.push_back(listener.upgrade);
    tls_.contexts.push_back(listener.tls);
  }
  if (std::ranges::any_of(listeners, [](const Listener& one) { return bool{one.tls}; })) {
    if (Result<void> prepared = prepare_tls(); !prepared) return prepared;
  }
  if (accept_now) start_accepting();
  begin_turn();
  return {};
}

// At start where a listener needs it, and before the first link that does.
Result<void> Shard::prepare_tls() {
  if (tls_.cipher) return {};
  Result<tls::Cipher> cipher = tls::Cipher::create();
  if (!cipher) return std::unexpected(cipher.error());
  tls_.cipher.emplace(std::move(*cipher));
  tls_.by_slot.resize(table_.size());
  tls_.session_bytes.resize(tls::kMaxTextBytes);
  return {};
}

void Shard::run() {
  while (!stopped_) iterate(wait_for());
  acceptor_.stop(ring_.get());
  wind_up();
  close_all();
}

// Submits what the last turn still had to say, and waits for the accepts that were armed: one may
// just have got a socket.
void Shard::wind_up() {
  constexpr int kMaxTurns = 100;  // of a ms: a cancel takes none
  std::array<Completion, kReapAtOnce> completions;
  for (int turn = 0; turn < kMaxTurns; ++turn) {
    ring_->submit_and_wait(turn == 0 ? 0 : 1);
    const unsigned count = ring_->reap(completions);
    for (const Completion& completion : std::span(completions).first(count)) {
      const OpTag tag = OpTag::unpack(completion.tag);
      if (tag.kind != OpKind::kAccept) continue;
      static_cast<void>(acceptor_.completed(tag));
      const bool plain = acceptor_.mode() == AcceptMode::kHandOut;
      if (plain && completion.result >= 0) ::close(completion.result);
    }
    if (count < completions.size() && acceptor_.armed() == 0) return;
  }
}

void Shard::discard_mail() {
  thread_.release();
  switchboard_.drain(options_.index, [](std::uint32_t, MailKind kind, ByteView message) {
    discard(kind, message);
  });
  sender_.discard(&Shard::discard);
}

void Shard::discard(MailKind kind, ByteView message) {
  if (kind == kMailTlsContexts) delete kMailTlsContexts.read(message).contexts;
  if (kind != kMailAdopt) return;
  const AdoptMail mail = kMailAdopt.read(message);
  ::close(mail.fd);
  delete mail.handover;
}

// The loop has ended: peers see their connections close now, not when this object goes.
void Shard::close_all() {
  ring_.reset();  // and with it every direct descriptor
  table_.for_each_link([](Connection& connection) {
    // The close of a closed one has been submitted: its number may be somebody else's by now.
    if (connection.phase != Phase::kClosed && connection.link_fd >= 0) ::close(connection.link_fd);
    connection.link_fd = -1;
  });
}

unsigned Shard::wait_for() const noexcept {
  if (has_steps() || has_deferred()) return 0;
  const auto left = static_cast<std::int32_t>(next_sweep_ms_ - clock_.now_ms());
  return left > 0 ? std::min(static_cast<unsigned>(left), turn_within_ms_) : 0;
}

void Shard::iterate(unsigned wait_ms) {
  RINGGATE_ON_THREAD(thread_);
  if (wait_ms > 0 && !switchboard_.prepare_sleep(options_.index)) wait_ms = 0;
  if (wait_ms > 0 && gathering_.us() > 0) {
    counters_.add(Counter::kGatheredWaits);
    ring_->wait_gathering(wait_ms, gathering_.us());
  } else {
    ring_->submit_and_wait(wait_ms);
  }
  switchboard_.awake(options_.index);
  const bool stalled = clock_.update(options_.stall_ms);
  begin_turn();

  std::array<Completion, kReapAtOnce> completions;
  std::size_t reaped = 0;
  while (reaped < kMaxReapedPerTurn) {
    const unsigned count = ring_->reap(completions);
    for (unsigned i = 0; i < count; ++i) dispatch(completions[i]);
    reaped += count;
    if (count < completions.size()) break;
  }
  read_mail();
  if (has_deferred()) [[unlikely]]
    serve_deferred();
  if (may_sweep(stalled, reaped)) sweep();
  end_batch();
  if (has_steps()) [[unlikely]] {
    ring_->submit_and_wait(0);  // what there is to send goes before
    step_handshake();
    end_batch();
  }
  counters_.record(Distribution::kTurn, Clock::monotonic_us() - now_us());
}

void Shard::begin_turn() noexcept {
  const std::uint64_t now_ns = Clock::monotonic_ns();
  last_turn_ms_.set(now_ns / 1'000'000);
  turn_us_ = now_ns / 1'000;
  gathering_.turned(turn_us_, frames_, link_frames_);
  turn_work_ = 0;
  turn_within_ms_ = kNoTurn;
}

void Shard::end_batch() {
  handler_.on_batch_end();
  rearm_receives();
  send_dirty();
  ring_->publish_buffers();
  publish_mail();
}

// A sweep judges by the time. After a stall it does so when what arrived meanwhile has been read,
// here and (for answers that come by mail) on the other shards, or when that takes too long.
bool Shard::may_sweep(bool stalled, std::size_t reaped) {
  constexpr std::uint32_t kMostBehindMs = 1000;
  // The kernel hands over completions in portions of at least this.
  constexpr std::size_t kPortion = 16;
  if (stalled) {
    behind_until_ms_ = Clock::deadline(now_ms(), kMostBehindMs);
    next_sweep_ms_ = Clock::deadline(now_ms(), options_.sweep_ms);
    return false;
  }
  if (reaped < kPortion) behind_until_ms_ = 0;
  if (!Clock::passed(now_ms(), next_sweep_ms_)) return false;
  if (behind_until_ms_ != 0 && !Clock::passed(now_ms(), behind_until_ms_)) return false;
  behind_until_ms_ = 0;
  return true;
}

void Shard::dispatch(const Completion& completion) {
  const OpTag tag = OpTag::unpack(completion.tag);
  switch (tag.kind) {
    case OpKind::kRecv:
      on_recv(completion, tag);
      return;
    case OpKind::kSend:
      on_send(completion, tag);
      return;
    case OpKind::kPoll:
      on_poll(tag);
      return;
    case OpKind::kLook:
      on_look(completion, tag);
      return;
    case OpKind::kAccept:
      on_accept(completion, tag);
      return;
    case OpKind::kWake:
      wake_armed_ = completion.more;
      if (completion.result >= 0 && !wake_armed_) arm_wake();  // else the sweep tries again
      return;
    case OpKind::kOption:
      return;
    case OpKind::kShutdown:
    case OpKind::kCancel:
    case OpKind::kClose:
      break;
  }
  Connection* const connection = table_.find({tag.slot, tag.generation});
  if (connection == nullptr) return;
  if (tag.kind == OpKind::kClose) {
    free_slot(*connection);
    // Whoever waits for a place comes in now, and not with the next sweep.
    if (acceptor_.armed() < Acceptor::kArmed) acceptor_.arm(ring_.get(), room());
    return;
  }
  const auto op = tag.kind == OpKind::kShutdown ? Connection::kShutdownOp : Connection::kCancelOp;
  connection->ops = static_cast<std::uint8_t>(connection->ops & ~op);
  // One cancel of a connection is in flight at a time: its receive may have had to wait for that.
  if (tag.kind == OpKind::kCancel && connection->read_paused) stop_reading(*connection);
  try_close(*connection);
}

// Nobody reads the eventfd's count: that it was written to is all there is to know.
void Shard::arm_wake() {
  wake_armed_ = true;
  ring_->poll_multishot(switchboard_.wake_fd(options_.index),
                        OpTag{OpKind::kWake, kNoSlot, 0}.pack());
}

void Shard::read_mail() {
  switchboard_.drain(options_.index, [this](std::uint32_t from, MailKind kind, ByteView message) {
    take_mail(from, kind, message);
  });
}

void Shard::take_mail(std::uint32_t from, MailKind kind, ByteView message) {
  if (kind == kMailStop) {
    stopped_ = true;
    return;
  }
  if (kind == kMailAccept) {
    start_accepting();
    return;
  }
  if (kind >= kMailHandler) {
    handler_.on_mail(from, kind, message);
    return;
  }
  if (kind == kMailTlsContexts) {
    const std::unique_ptr<std::vector<TlsContext>> mail(kMailTlsContexts.read(message).contexts);
    tls_.contexts = std::move(*mail);
    return;
  }
  if (kind != kMailAdopt) {
    unknown_mail(from, kind);
    return;
  }
  const AdoptMail mail = kMailAdopt.read(message);
  if (mail.accepted != 0) {
    take_accepted(mail.fd, mail.peer, mail.listener);
  } else {
    take_adopted(mail);
  }
}

std::uint8_t* Shard::reserve_mail(std::uint32_t to, MailKind kind, std::size_t bytes,
                                  Urgency urgency) {
  RINGGATE_ON_THREAD(thread_);
  std::uint8_t* const room = sender_.reserve(to, kind, bytes, urgency);
  if (room == nullptr) counters_.add(Counter::kMailFull);
  return room;
}

std::uint32_t Shard::extra(std::uint32_t number) const noexcept {
  return switchboard_.extra(number);
}

std::uint32_t Shard::mail_fill_percent(std::uint32_t to) noexcept {
  return sender_.fill_percent(to);
}

void Shard::send_mail(std::uint32_t to, MailKind kind, ByteView head, ByteView more) {
  RINGGATE_ON_THREAD(thread_);
  sender_.send(to, kind, head, more);
}

void Shard::unknown_mail(std::uint32_t from, MailKind kind) noexcept {
  unknown_mail_.note(from, kind);
  counters_.add(Counter::kMailUnknown);
}

void Shard::publish_mail() {
  const MailSender::Flushed flushed = sender_.flush();
  if (flushed.written != 0) counters_.add(Counter::kMailOut, flushed.written);
  if (flushed.woken != 0) counters_.add(Counter::kWakeups, flushed.woken);
  if (sender_.waiting_bytes() != counters_.get(Gauge::kMailWaitingBytes)) [[unlikely]]
    counters_.set(Gauge::kMailWaitingBytes, sender_.waiting_bytes());
}

void Shard::reconfigure(const ShardLimits& limits, std::span<const WsUpgradeOptions> upgrades,
                        std::span<const TlsContext> tls) {
  RINGGATE_ON_THREAD(thread_);
  RINGGATE_CHECK(upgrades.size() == upgrade_rules_.size());
  if (!options_.bounds_clients_as(limits)) forgive_throttled();
  static_cast<ShardLimits&>(options_) = limits;
  acceptor_.set_bounds(limits.send_bounds());
  if (ring_->gathers()) gathering_.set_budget(limits.latency_budget_us);
  for (std::size_t i = 0; i < upgrades.size(); ++i) upgrade_rules_[i] = upgrades[i];
  for (std::size_t i = 0; i < tls.size(); ++i) tls_.contexts[i] = tls[i];
}

void Shard::set_deadline(Connection& connection, std::uint32_t after_ms) noexcept {
  RINGGATE_ON_THREAD(thread_);
  connection.deadline_ms = after_ms == 0 ? 0 : Clock::deadline(now_ms(), after_ms);
}

}  // namespace ringgate
