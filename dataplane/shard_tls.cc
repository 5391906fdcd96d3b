// Shard: TLS, before a client's frames and around them.
//
//   first bytes ──▶ handshake, in steps ──▶ records ──▶ upgrade or frames, as without TLS
//
// A step of a handshake takes up to 200 us, which would keep the pings of others waiting: what came
// for it is kept, and one step is taken at the end of a turn, when all that the turn had to send is
// on its way. So a storm of handshakes adds the time of one step to a ping, and no more.
#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/check.h"
#include "dataplane/shard.h"

namespace ringgate {
namespace {

// What waits for a step; beyond it reading pauses.
constexpr std::size_t kMaxWaitingBytes = 64 * 1024;

CloseReason reason_of(TlsFailure failure) {
  switch (failure) {
    case TlsFailure::kPlainText:
      return CloseReason::kTlsPlainText;
    case TlsFailure::kVersion:
      return CloseReason::kTlsVersion;
    case TlsFailure::kNoCommonCipher:
      return CloseReason::kTlsNoCommonCipher;
    case TlsFailure::kClientCertificate:
      return CloseReason::kTlsClientCertificate;
    case TlsFailure::kNoClientCertificate:
      return CloseReason::kTlsNoClientCertificate;
    case TlsFailure::kClientCertificateAuthority:
      return CloseReason::kTlsClientCertificateAuthority;
    case TlsFailure::kClientCertificateExpired:
      return CloseReason::kTlsClientCertificateExpired;
    case TlsFailure::kClientCertificatePurpose:
      return CloseReason::kTlsClientCertificatePurpose;
    case TlsFailure::kPeerAlert:
      return CloseReason::kTlsPeerAlert;
    case TlsFailure::kNoMemory:
      return CloseReason::kNoMemory;
    case TlsFailure::kNone:
    case TlsFailure::kTooLong:
    case TlsFailure::kBadMessage:
      break;
  }
  return CloseReason::kTlsHandshakeFailed;
}

}  // namespace

// --- The handshake ------------------------------------------------------------------------------

// From here on all that comes is sealed. Without a byte it counts already: else more would be
// accepted than MaxTlsHandshakes has room for, while the first bytes are on their way.
// False: there is no memory for its state.
bool Shard::begin_tls(Connection& connection) {
  const Block memory = pool_.try_take(sizeof(TlsState));
  if (memory.data == nullptr) return false;
  tls_.by_slot[connection.slot] = new (memory.data) TlsState;
  tls_.by_slot[connection.slot]->began_us = now_us();
  connection.secured = true;
  count_handshakes(1);
  return true;
}

std::size_t Shard::take_first_sealed(Connection& connection, ByteView input) {
  if (!begin_tls(connection)) {
    abort(connection, CloseReason::kNoMemory);
    return input.size();
  }
  collect_for_handshake(connection, *tls_.by_slot[connection.slot], input);
  return input.size();
}

void Shard::collect_for_handshake(Connection& connection, TlsState& state, ByteView data) {
  if (!state.sealed.append(pool_, data)) return abort(connection, CloseReason::kNoMemory);
  if (state.sealed.size >= kMaxWaitingBytes) pause_reading(connection);
  want_step(connection, state);
}

// What is sent goes first: the next step's bytes follow it.
void Shard::want_step(Connection& connection, TlsState& state) {
  if (!connection.open() || !state.under_way || state.queued || state.wire != nullptr) return;
  if (whole_tls_records(state.sealed.view()) == 0) return;
  state.queued = true;
  const bool is_begun = std::get<TlsState::Handshake>(state.layer) != nullptr;
  (is_begun ? tls_.steps : tls_.first_steps).push_back(connection.handle());
}

// It may have sent its last words with the end of its handshake, and left.
bool Shard::waits_for_step(const Connection& connection) const noexcept {
  const TlsState& state = *tls_.by_slot[connection.slot];
  return state.under_way && whole_tls_records(state.sealed.view()) > 0;
}

// Those under way go on first: so few are at any moment, however many wait.
void Shard::step_handshake() {
  while (Connection* const connection = next_step()) {
    TlsState& state = *tls_.by_slot[connection->slot];
    state.queued = false;
    if (!connection->open()) continue;
    step_handshake(*connection, state);
    if (!state.under_way) acceptor_.arm(ring_.get(), room());  // there is room for others
    return;
  }
}

Connection* Shard::next_step() {
  for (auto* const steps : {&tls_.steps, &tls_.first_steps}) {
    if (steps == &tls_.first_steps && tls_.begun >= most_handshakes()) continue;
    while (!steps->empty()) {
      const ConnectionHandle step = steps->front();
      steps->pop_front();
      Connection* const connection = table_.find(step);
      if (connection != nullptr && connection->secured) return connection;
    }
  }
  return nullptr;
}

std::uint32_t Shard::most_handshakes() const noexcept {
  return options_.limits_dry_run ? UINT32_MAX : options_.max_handshakes;
}

bool Shard::has_steps() const noexcept {
  return !tls_.steps.empty() || (!tls_.first_steps.empty() && tls_.begun < most_handshakes());
}

void Shard::step_handshake(Connection& connection, TlsState& state) {
  auto& handshake = std::get<TlsState::Handshake>(state.layer);
  if (handshake == nullptr) {
    handshake = TlsHandshake::begin(tls_.contexts[connection.listener]);
    if (handshake == nullptr) {
      abort(connection, CloseReason::kTlsHandshakeFailed);
      return;
    }
    ++tls_.begun;
  }
  const std::size_t whole = whole_tls_records(state.sealed.view());
  const TlsStatus status = handshake->step(state.sealed.view().first(whole));
  state.sealed.drop_front(pool_, whole);
  if (const std::size_t bytes = handshake->output_bytes(); bytes > 0) {
    state.wire = TlsWire::create(pool_, bytes);
    if (state.wire == nullptr) return abort(connection, CloseReason::kNoMemory);
    handshake->take_output({state.wire->data(), bytes});
    mark_dirty(connection);
  }
  if (connection.read_paused) resume_reading(connection);
  if (status == TlsStatus::kFailed) {
    const CloseReason reason = reason_of(handshake->failure());
    counters_.add(Counter::kTlsFailed);
    end_handshake(state);
    finish(connection, reason);
  } else if (status == TlsStatus::kDone) {
    handshake_done(connection, state);
  } else {
    want_step(connection, state);
  }
  peer_ended(connection);
}

// Nothing of it is left but the secrets; of TLS 1.2, OpenSSL's object.
void Shard::handshake_done(Connection& connection, TlsState& state) {
  const TlsState::Handshake handshake = end_handshake(state);
  Carry rest;
  if (const std::size_t bytes = handshake->rest_bytes(); bytes > 0) {
    const Block memory = pool_.try_take_to_go_on(bytes);
    if (memory.data == nullptr) return abort(connection, CloseReason::kNoMemory);
    rest = {memory.data, memory.capacity, static_cast<std::uint32_t>(bytes)};
    handshake->take_rest(rest.bytes());
  }
  counters_.add(Counter::kTlsHandshakes);
  if (handshake->is_resumed()) counters_.add(Counter::kTlsResumed);
  counters_.record(Distribution::kTlsHandshake, now_us() - state.began_us);
  if (!handshake->is_1_3()) {
    state.layer = std::make_unique<TlsSession>(handshake->release());
    counters_.change(Gauge::kTlsSessions, 1);
  } else if (!take_secrets(*handshake, state)) {
    rest.clear(pool_);
    abort(connection, CloseReason::kTlsHandshakeFailed);
    return;
  }
  connection.stage = stage_after_tls(connection);
  // Whole records, and then perhaps the part of one.
  Carry part = std::exchange(state.sealed, Carry{});
  for (Carry* const bytes : {&rest, &part}) {
    if (connection.open()) on_sealed(connection, bytes->bytes());
    bytes->clear(pool_);
  }
}

bool Shard::take_secrets(const TlsHandshake& handshake, TlsState& state) {
  const TlsHandshake::Keys& keys = handshake.keys();
  const std::optional<tls::Suite> suite = tls::suite_of(keys.suite);
  if (!suite) return false;
  Result<tls::Records> records = tls::Records::create(
      cipher().key_schedule(),
      {*suite, tls::Peer::kClient, ByteView(keys.read).first(keys.secret_bytes),
       ByteView(keys.write).first(keys.secret_bytes), keys.read_sequence, keys.write_sequence,
       keys.max_text_bytes});
  if (!records) return false;
  state.layer = std::move(*records);
  return true;
}

tls::Cipher& Shard::cipher() noexcept {
  RINGGATE_CHECK(tls_.cipher.has_value());
  return *tls_.cipher;
}

// Well or badly: there is room for another. What is left of it, if it had begun.
TlsState::Handshake Shard::end_handshake(TlsState& state) {
  if (!state.under_way) return nullptr;
  state.under_way = false;
  count_handshakes(-1);
  TlsState::Handshake handshake = std::move(std::get<TlsState::Handshake>(state.layer));
  if (handshake != nullptr) --tls_.begun;
  return handshake;
}

void Shard::count_handshakes(std::int32_t by) {
  tls_.under_way += static_cast<std::uint32_t>(by);
  if (by > 0 && tls_.under_way == options_.max_handshakes) {
    counters_.add(Counter::kTlsHandshakesFull);
  }
  counters_.set(Gauge::kTlsHandshakes, tls_.under_way);
}

// --- Sealed bytes in ----------------------------------------------------------------------------

void Shard::on_sealed(Connection& connection, MutableBytes data) {
  TlsState& state = *tls_.by_slot[connection.slot];
  if (state.in_handshake()) {
    collect_for_handshake(connection, state, data);
  } else if (auto* const session = std::get_if<TlsState::Session>(&state.layer)) {
    on_session_bytes(connection, state, **session, data);
  } else {
    on_records(connection, state, data);
  }
}

// A record is opened where it was received; one that comes in parts, where they are collected.
void Shard::on_records(Connection& connection, TlsState& state, MutableBytes data) {
  Carry& part = state.sealed;
  while (connection.open() && !state.peer_ended && !data.empty()) {
    if (part.size == 0) {
      const tls::OpenStep step = open_record(connection, state, data);
      if (step.status == tls::OpenStatus::kNeedMore) break;
      data = data.subspan(step.consumed);
      continue;
    }
    const std::size_t need = record_need(part.view());
    const std::size_t more = std::min(need - part.size, data.size());
    if (!part.append(pool_, data.first(more))) return abort(connection, CloseReason::kNoMemory);
    data = data.subspan(more);
    if (record_need(part.view()) > part.size) continue;
    static_cast<void>(open_record(connection, state, part.bytes()));
    part.clear(pool_);
  }
  if (!connection.open() || state.peer_ended) return;
  if (!part.append(pool_, data)) abort(connection, CloseReason::kNoMemory);
}

// Bytes in all of the record that begins so: its head, as long as that is not there.
std::size_t Shard::record_need(ByteView part) noexcept {
  if (part.size() < tls::kRecordHeadBytes) return tls::kRecordHeadBytes;
  const std::size_t bytes = tls::record_bytes(part);
  // A longer one is refused by its head alone.
  return bytes > tls::kMaxRecordBytes ? tls::kRecordHeadBytes : bytes;
}

tls::OpenStep Shard::open_record(Connection& connection, TlsState& state, MutableBytes input) {
  auto& records = std::get<tls::Records>(state.layer);
  const tls::OpenStep step = records.open(cipher(), input);
  switch (step.status) {
    case tls::OpenStatus::kData:
      on_plain(connection, step.data);
      break;
    case tls::OpenStatus::kNeedMore:
    case tls::OpenStatus::kNothing:
    case tls::OpenStatus::kKeyUpdate:  // ours goes before what we send next
      break;
    case tls::OpenStatus::kCloseNotify:
      peer_said_close(connection, state);
      break;
    case tls::OpenStatus::kAlert:
      state.peer_ended = true;
      abort(connection, CloseReason::kTlsPeerAlert);
      break;
    default:
      state.alert = tls::alert_of(step.status);
      finish(connection, CloseReason::kTlsBadRecord);
      break;
  }
  return step;
}

// As if it had shut its side down (RFC 8446, section 6.1): what comes behind is nothing.
void Shard::peer_said_close(Connection& connection, TlsState& state) {
  state.peer_ended = true;
  connection.saw_eof = true;
  peer_ended(connection);
}

void Shard::on_session_bytes(Connection& connection, TlsState& state, TlsSession& session,
                             ByteView data) {
  if (!session.feed(data)) {
    abort(connection, CloseReason::kTlsBadRecord);
    return;
  }
  while (connection.open() && !state.peer_ended) {
    std::size_t bytes = 0;
    const MutableBytes room(tls_.session_bytes.data(), tls_.session_bytes.size());
    const TlsSession::Read read = session.read(room, bytes);
    if (read == TlsSession::Read::kData) {
      on_plain(connection, room.first(bytes));
      continue;
    }
    if (read == TlsSession::Read::kEnd) peer_said_close(connection, state);
    if (read == TlsSession::Read::kFailed) {
      state.alert = tls::Alert::kInternalError;  // in name: OpenSSL has written its own
      finish(connection, CloseReason::kTlsBadRecord);
    }
    break;
  }
  if (session.output_bytes() > 0) mark_dirty(connection);  // an alert
}

// --- The end, and a beginning behind the handshake ----------------------------------------------

// What the peer is, its records know.
void Shard::begin_sealed(Connection& connection, tls::Records records) {
  const Block memory = pool_.take(sizeof(TlsState));
  auto* const state = new (memory.data) TlsState;
  state->layer = std::move(records);
  state->under_way = false;
  tls_.by_slot[connection.slot] = state;
  connection.secured = true;
}

void Shard::forget_tls(Connection& connection) {
  TlsState* const state = std::exchange(tls_.by_slot[connection.slot], nullptr);
  // One that has begun and will not be done: its client left, or was too slow. Who has said
  // nothing, as probes of balancers do, has failed at nothing.
  const bool is_begun =
      state->under_way &&
      (state->sealed.size > 0 || std::get<TlsState::Handshake>(state->layer) != nullptr);
  if (is_begun) counters_.add(Counter::kTlsFailed);
  static_cast<void>(end_handshake(*state));
  if (std::holds_alternative<TlsState::Session>(state->layer)) {
    counters_.change(Gauge::kTlsSessions, -1);
  }
  state->sealed.clear(pool_);
  drop_wire(connection, *state);
  std::destroy_at(state);
  if (tls_.cipher) tls_.cipher->forget();  // its keys may be the ones that were used last
  pool_.give({reinterpret_cast<std::uint8_t*>(state), BlockPool::capacity_of(sizeof(TlsState))});
  connection.secured = false;
}

}  // namespace ringgate
