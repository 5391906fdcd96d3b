// Shard: what one connection may have of a turn, a client of a second, and of memory when it is
// behind with what it asked for.
//
// Whoever sends more than its share waits until the others have had theirs: the rest is collected,
// as held input is, and handled a share at a time in the turns after this one. Nothing is lost or
// reordered; when too much is collected reading pauses, and TCP tells the peer. So many that
// pipeline take no longer from the others than one share of each.
#include <algorithm>

#include "dataplane/shard.h"

namespace ringgate {
namespace {

// What a client may send in a second, and at once, however large that is: Connection::spent counts
// parts of it, at Connection::last_read_ms. Who has spent more than that, as a read brings what it
// brings, has spent all of it at a time that is still to come. A client that reading paused from
// reads on when a quarter is free again.
constexpr std::uint32_t kSecond = 60'000;
constexpr std::uint32_t kSecondPerMs = kSecond / 1000;
constexpr std::uint32_t kGoesOnAt = kSecond / 4 * 3;
constexpr std::uint64_t kLongestDebtMs = 600'000;
static_assert(kMostClientFrames <= kSecond, "a frame costs one at least");

// Of what was spent until `at_ms`, time has given that back.
[[nodiscard]] std::uint64_t given_back(std::uint32_t at_ms, std::uint32_t now_ms) noexcept {
  const auto since = static_cast<std::int32_t>(now_ms - at_ms);
  return since <= 0 ? 0 : static_cast<std::uint64_t>(since) * kSecondPerMs;
}

[[nodiscard]] std::uint64_t price(std::uint64_t many, std::uint32_t per_s) noexcept {
  return per_s == 0 ? 0 : (many * kSecond + per_s - 1) / per_s;
}

}  // namespace

std::int32_t Shard::share_of(const Connection& connection) const noexcept {
  constexpr std::uint32_t kSmaller = 16;
  const bool is_client = connection.role == Role::kClient;
  std::uint32_t share = is_client ? options_.client_share : options_.link_share;
  if (turn_work_ >= options_.long_turn) share = std::max(share / kSmaller, 1U);
  if (is_client && options_.client_frames_per_s != 0 && !options_.limits_dry_run) [[unlikely]] {
    const std::uint64_t left = kSecond - std::min<std::uint32_t>(connection.spent, kSecond);
    const std::uint64_t frames = left * options_.client_frames_per_s / kSecond;
    share = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(frames, 1, share));
  }
  return static_cast<std::int32_t>(share);
}

// Parses what its share allows; the number of bytes used. Within it the share of another connection
// may be parsed: an answer on a link releases what its client has sent.
std::size_t Shard::parse_share(Connection& connection, MutableBytes input) {
  const std::int32_t outer = share_;
  const std::int32_t share = share_of(connection);
  share_ = share;
  const std::uint32_t before = frames_;
  const std::size_t used = parse(connection, input);
  if (connection.role == Role::kLink) link_frames_ += frames_ - before;
  turn_work_ += static_cast<std::uint32_t>(share - share_);
  if (share_ <= 0 && used < input.size() && connection.open()) [[unlikely]] {
    counters_.add(Counter::kDeferred);
    defer(connection);
  }
  share_ = outer;
  return used;
}

void Shard::defer(Connection& connection) {
  connection.deferred = true;
  deferred_.push_back(connection.handle());
}

bool Shard::has_deferred() const noexcept {
  return !deferred_.empty() || round_next_ < round_.size();
}

// Each of them once before any of them again, and as many as do not make the turn long.
void Shard::serve_deferred() {
  if (round_next_ == round_.size()) {
    round_.clear();
    round_.swap(deferred_);
    round_next_ = 0;
  }
  const std::uint32_t most = turn_work_ + options_.long_turn;
  while (round_next_ < round_.size() && turn_work_ < most) {
    const ConnectionHandle next = round_[round_next_++];
    Connection* const connection = table_.find(next);
    if (connection == nullptr || !connection->deferred) continue;
    connection->deferred = false;
    const std::uint32_t before = frames_;
    go_on(*connection);
    if (options_.limits_clients()) spend(*connection, frames_ - before, 0);
  }
}

// With what was collected, unless something else still keeps it.
void Shard::go_on(Connection& connection) {
  if (connection.collects()) return;
  if (!connection.parsing && connection.open()) {
    connection.parsing = true;
    const std::size_t used = parse_share(connection, connection.carry.bytes());
    connection.parsing = false;
    connection.carry.drop_front(pool_, used);
  }
  if (connection.read_paused && !connection.collects()) resume_reading(connection);
  peer_ended(connection);
}

// Time has given back some of what was spent until last_read_ms.
void Shard::note_read(Connection& connection) noexcept {
  if (connection.spent != 0) [[unlikely]] {
    if (static_cast<std::int32_t>(now_ms() - connection.last_read_ms) < 0) return;
    const std::uint64_t back = given_back(connection.last_read_ms, now_ms());
    connection.spent -= static_cast<std::uint16_t>(std::min<std::uint64_t>(back, connection.spent));
  }
  connection.last_read_ms = now_ms();
}

void Shard::spend(Connection& connection, std::uint32_t frames, std::size_t bytes) {
  if (connection.role != Role::kClient || !connection.open()) return;
  const std::uint64_t cost = std::max(price(frames, options_.client_frames_per_s),
                                      price(bytes, options_.client_bytes_per_s));
  const std::uint64_t spent = connection.spent + cost;
  connection.spent = static_cast<std::uint16_t>(std::min<std::uint64_t>(spent, kSecond));
  if (spent < kSecond) return;
  if (!connection.throttled) counters_.add(Counter::kThrottled);
  if (options_.limits_dry_run) {
    connection.spent = kGoesOnAt;
    return;
  }
  const std::uint64_t debt_ms = (spent - kSecond) / kSecondPerMs;
  connection.last_read_ms += static_cast<std::uint32_t>(std::min(debt_ms, kLongestDebtMs));
  if (!connection.throttled) throttle(connection);
}

void Shard::throttle(Connection& connection) {
  connection.throttled = true;
  throttled_.push_back(connection.handle());
  stop_reading(connection);
}

// What they have spent was reckoned by rates that are no more: by others it may be nothing.
void Shard::forgive_throttled() {
  for (const ConnectionHandle one : throttled_) {
    Connection* const connection = table_.find(one);
    if (connection != nullptr && connection->throttled) connection->spent = 0;
  }
}

void Shard::release_throttled() {
  std::erase_if(throttled_, [this](ConnectionHandle one) {
    Connection* const connection = table_.find(one);
    if (connection == nullptr || !connection->throttled) return true;
    const std::uint64_t back = given_back(connection->last_read_ms, now_ms());
    if (connection->spent > kGoesOnAt + back) return false;
    note_read(*connection);
    connection->throttled = false;
    if (!connection->deferred) defer(*connection);
    return true;
  });
}

// Whether one whose queue is at max_queued_bytes is sent more: not what others want, unless it is
// behind with what it asked for. Then it is not read on, so that what comes is bounded by what it
// has asked for already. Where there is no memory for one more, the one goes for whom most waits,
// if that is much more: among equals who was there first stays.
bool Shard::has_room_for_answers(Connection& connection, std::size_t bytes, Why why) {
  if (connection.role != Role::kClient || ending(connection)) return false;
  if (connection.output.queued_bytes() >= options_.max_answer_bytes) return false;
  if (!connection.full && why != Why::kAsked) return false;
  if (!connection.full) bytes += connection.output.queued_bytes();
  if (answers_are_too_many(bytes) && !close_for_answers_of(connection)) return false;
  answer_bytes_ += bytes;
  if (connection.full) return true;
  connection.full = true;
  ++full_clients_;
  counters_.add(Counter::kClientsFull);
  stop_reading(connection);
  if (connection.parsing) share_ = 0;  // ends its turn
  return true;
}

// What waits for them is kept account of, but for pushes that they share with others; so it is
// summed up again where it might be too much, once a sweep.
bool Shard::answers_are_too_many(std::size_t more_bytes) {
  const std::size_t most = options_.shard_answer_bytes;
  if (std::size_t{full_clients_ + 1} * options_.max_answer_bytes <= most) return false;
  if (Clock::passed(now_ms(), next_answers_look_ms_)) {
    next_answers_look_ms_ = Clock::deadline(now_ms(), options_.sweep_ms);
    answer_bytes_ = 0;
    table_.for_each_client([this](const Connection& client) {
      if (client.open() && client.full) answer_bytes_ += client.output.queued_bytes();
    });
  }
  return answer_bytes_ + more_bytes > most;
}

bool Shard::close_for_answers_of(const Connection& connection) {
  Connection* fattest = nullptr;
  std::uint32_t most = 2 * connection.output.queued_bytes();
  table_.for_each_client([&](Connection& other) {
    if (!other.open() || !other.full || other.output.queued_bytes() <= most) return;
    most = other.output.queued_bytes();
    fattest = &other;
  });
  if (fattest == nullptr) return false;
  abort(*fattest, CloseReason::kSlowConsumer);
  return true;
}

void Shard::has_sent_answers(Connection& connection, std::size_t bytes) {
  answer_bytes_ -= std::min(answer_bytes_, bytes);
  if (connection.output.queued_bytes() >= limits(connection).max_queued_bytes / 2) return;
  is_no_longer_full(connection);
  connection.last_read_ms = now_ms();  // its silence was ours
  if (!connection.deferred) defer(connection);
}

void Shard::is_no_longer_full(Connection& connection) {
  connection.full = false;
  answer_bytes_ -= std::min<std::size_t>(answer_bytes_, connection.output.queued_bytes());
  --full_clients_;
}

}  // namespace ringgate
