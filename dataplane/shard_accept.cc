// Shard: new connections.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "dataplane/check.h"
#include "dataplane/completion_result.h"
#include "dataplane/memory_reserve.h"
#include "dataplane/shard.h"

namespace ringgate {

namespace {

constexpr std::int64_t kAcceptCredit = 1000;  // of one accept, in thousandths

void note_shortage(Counters& counters, bool is_short) noexcept {
  const bool was_short = counters.get(Gauge::kMemoryShort) != 0;
  if (is_short == was_short) return;
  counters.set(Gauge::kMemoryShort, is_short ? 1 : 0);
  if (is_short) counters.add(Counter::kMemoryShort);
}

// Of the kernel, which tells of it by either error.
bool is_want_of_memory(ResultMeaning meaning) noexcept {
  return meaning == ResultMeaning::kNoMemory || meaning == ResultMeaning::kNoBuffers;
}

}  // namespace

void Shard::start_accepting() {
  if (acceptor_.mode() != AcceptMode::kNone || acceptor_.stopping()) return;
  const std::uint32_t max =
      accept_mode_ == AcceptMode::kHandOut ? options_.max_links : options_.max_clients;
  accepts_at_ms_ = now_ms();
  accept_credit_ = kAcceptCredit;
  acceptor_.start(ring_.get(), accept_mode_, listeners_, options_.index, max, room(),
                  options_.send_bounds());
}

void Shard::stop_accepting() {
  RINGGATE_ON_THREAD(thread_);
  if (acceptor_.mode() == AcceptMode::kNone && accept_mode_ != AcceptMode::kNone) {
    for (Listener& one : listeners_) one.sockets.close_one(options_.index);  // never begun
  }
  acceptor_.stop(ring_.get());
}

bool Shard::may_accept() const noexcept {
  return !acceptor_.stopping() || acceptor_.armed() > 0;
}

// Links that were handed out are not counted: whoever adopts one has a table of its own.
Acceptor::Room Shard::room() noexcept {
  const std::uint32_t most = most_handshakes();
  return {accept_mode_ == AcceptMode::kDirect ? options_.max_clients - table_.clients()
                                              : options_.max_links,
          most - std::min(most, tls_.under_way), accepts_left()};
}

// How many may be accepted by now: none while memory is short, which is asked for again with every
// sweep. At rest credit is saved up for longer than from sweep to sweep, and for the part of an
// accept that is left over: else none of the time in between would count.
std::uint32_t Shard::accepts_left() noexcept {
  constexpr std::int64_t kSavedMs = 200;
  const bool is_short = pool_.is_short() || memory_reserve::is_used();
  note_shortage(counters_, is_short);
  const std::int64_t rate = options_.accepts_per_s;
  if (rate == 0 || accept_mode_ != AcceptMode::kDirect) return is_short ? 0 : UINT32_MAX;
  const auto since_ms = static_cast<std::int32_t>(now_ms() - accepts_at_ms_);
  accepts_at_ms_ = now_ms();
  accept_credit_ =
      std::min(accept_credit_ + std::max(since_ms, 0) * rate, rate * kSavedMs + kAcceptCredit);
  if (accept_credit_ >= kAcceptCredit) accepts_paused_ = false;
  if (is_short) return 0;
  if (options_.limits_dry_run) return UINT32_MAX;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(accept_credit_, 0) / kAcceptCredit);
}

// Each listener has an accept armed, so more may come at once than there is credit for: what comes
// next waits until time has paid for them, too.
void Shard::note_accept() noexcept {
  if (options_.accepts_per_s == 0) return;
  accept_credit_ -= kAcceptCredit;
  if (options_.limits_dry_run) accept_credit_ = std::max<std::int64_t>(accept_credit_, 0);
  if (accept_credit_ >= kAcceptCredit || accepts_paused_) return;
  accepts_paused_ = true;
  counters_.add(Counter::kAcceptRateReached);
}

// Who goes, or has to, without a word, as others do who close while they wait in the backlog: the
// rate is for those who stay. Else one address that only connects would keep everybody out.
void Shard::give_accept_back(const Connection& gone) noexcept {
  if (options_.accepts_per_s == 0 || gone.role != Role::kClient || gone.spoke) return;
  accept_credit_ += kAcceptCredit;
}

void Shard::on_accept(const Completion& completion, OpTag tag) {
  const auto [listener, address] = acceptor_.completed(tag);
  const PeerAddress peer = PeerAddress::from(address);
  const ResultMeaning meaning = meaning_of(completion.result);
  if (meaning == ResultMeaning::kDone) {
    counters_.add(Counter::kAccepted);
    note_accept();
    if (acceptor_.mode() == AcceptMode::kDirect) {
      open_client(static_cast<std::uint32_t>(completion.result), peer, listener);
    } else {
      hand_out(completion.result, peer, listener);
    }
  } else if (meaning != ResultMeaning::kCancelled) {
    counters_.add(Counter::kAcceptErrors);
    const bool no_memory = is_want_of_memory(meaning);
    if (no_memory) counters_.add(Counter::kMemoryShort);
    // Most errors are of the one connection. Lack of files or memory is not: the next sweep tries.
    if (no_memory || meaning == ResultMeaning::kNoFiles) return;
  }
  acceptor_.arm(ring_.get(), room());
}

void Shard::open_client(std::uint32_t slot, const PeerAddress& peer, std::uint32_t listener) {
  // The kernel may hand out a place again before the completion of its close has been read.
  if (Connection* const old = table_.at(slot); old != nullptr) {
    RINGGATE_CHECK(old->phase == Phase::kClosed);
    free_slot(*old);
  }
  Connection& connection = table_.open_client(slot);
  connection.peer = peer;
  connection.last_read_ms = now_ms();
  counters_.change(Gauge::kClients, 1);
  if (!count_source(peer)) {
    connection.reason = CloseReason::kTooManyFromAddress;
    give_accept_back(connection);
    begin_closing(connection);  // the handler has never heard of it
    return;
  }
  begin_opening(connection, listener);
  if (connection.stage == Stage::kTls && !begin_tls(connection)) {
    connection.reason = CloseReason::kNoMemory;
    begin_closing(connection);
    return;
  }
  handler_.on_accept(connection);
  if (!connection.open()) return give_accept_back(connection);
  arm_recv(connection);
}

// Few links come in, so SO_REUSEPORT would pile them up: they go to the shards in turn.
void Shard::hand_out(int fd, const PeerAddress& peer, std::uint32_t listener) {
  const std::uint32_t to = hand_out_next_++ % options_.shards;
  if (to == options_.index) {
    take_accepted(fd, peer, listener);
  } else {
    mail_surely(to, kMailAdopt, AdoptMail{fd, 1, peer, {}, listener});
  }
}

void Shard::take_accepted(int fd, const PeerAddress& peer, std::uint32_t listener) {
  Connection* const connection = adopt(fd, peer);
  if (connection == nullptr) return;
  connection->listener = static_cast<std::uint8_t>(listener);
  const bool is_tls = listener < tls_.contexts.size() && tls_.contexts[listener];
  if (is_tls) connection->stage = Stage::kTls;
  handler_.on_accept(*connection);
}

// Dialled by control, which has done the handshake where there is one.
void Shard::take_adopted(const AdoptMail& mail) {
  const std::unique_ptr<TlsHandover> handover(mail.handover);
  Connection* connection = nullptr;
  if (handover == nullptr || prepare_tls()) {
    connection = adopt(mail.fd, mail.peer);
  } else {
    refuse_link(mail.fd);
  }
  if (connection == nullptr) {
    handler_.on_adopt_refused(mail.what);
    return;
  }
  if (handover != nullptr) begin_sealed(*connection, std::move(handover->records));
  handler_.on_adopt(*connection, mail.what);
  if (handover != nullptr && connection->open()) on_sealed(*connection, handover->rest);
}

void Shard::refuse_link(int fd) {
  counters_.add(Counter::kLinksRefused);
  ::close(fd);  // set-up, not the data path: links come and go rarely
}

Connection* Shard::adopt(int fd, const PeerAddress& peer) {
  RINGGATE_ON_THREAD(thread_);
  Connection* const connection = table_.open_link();
  if (connection == nullptr) {
    refuse_link(fd);
    return nullptr;
  }
  // The ring waits by itself; on a non-blocking socket it would answer EAGAIN for ever.
  if (const int flags = ::fcntl(fd, F_GETFL); flags >= 0 && (flags & O_NONBLOCK) != 0) {
    ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
  connection->link_fd = fd;
  connection->peer = peer;
  connection->last_read_ms = now_ms();
  counters_.change(Gauge::kLinks, 1);
  arm_recv(*connection);
  return connection;
}

}  // namespace ringgate
