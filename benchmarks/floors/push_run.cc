// PushServer: when it pushes, and to whom.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "benchmarks/floors/push_server.h"
#include "benchmarks/floors/tag.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kTickNs = std::uint64_t{kTickMs} * 1'000'000;

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

void PushServer::begin_run() {
  state_ = State::kPushing;
  told_ = false;
  delivered_ = 0;
  next_place_ = 0;
  blocks_.restart();
  run_began_ns_ = monotonic_ns();
  print_line(fmt::format("pushing to {} receivers", options_.receivers));
}

void PushServer::end_run_when_over() {
  if (state_ == State::kWaiting) return;
  if (open_ == 0 || (state_ == State::kDone && blocks_.in_flight() == 0)) tell_run();
  if (open_ == 0) state_ = State::kWaiting;
}

void PushServer::tell_run() {
  if (told_) return;
  told_ = true;
  print_line(fmt::format("pushed {} pushes, {} deliveries", blocks_.pushes(), delivered_));
}

std::uint64_t PushServer::due_ns() const noexcept {
  const double since_ns = static_cast<double>(blocks_.pushes()) * 1e9 / options_.rate;
  return run_began_ns_ + static_cast<std::uint64_t>(since_ns);
}

std::uint64_t PushServer::wait_ns() const noexcept {
  if (state_ != State::kPushing || options_.rate <= 0 || !blocks_.has_room()) return kTickNs;
  const std::uint64_t now_ns = monotonic_ns();
  const std::uint64_t due = due_ns();
  return due > now_ns ? std::min(due - now_ns, kTickNs) : 0;
}

void PushServer::push_what_is_due() {
  if (state_ != State::kPushing) return;
  const std::uint64_t now_ns = monotonic_ns();
  const bool by_rate = options_.rate > 0;
  // Without receivers nothing would ever be in flight.
  while (open_ > 0 && blocks_.has_room()) {
    if (options_.pushes != 0 && blocks_.pushes() == options_.pushes) {
      state_ = State::kDone;
      return;
    }
    const std::uint64_t intended_ns = by_rate ? due_ns() : now_ns;
    if (intended_ns > now_ns) return;
    if (!by_rate && blocks_.in_flight() >= options_.in_flight) return;
    push(intended_ns);
  }
}

void PushServer::push(std::uint64_t intended_ns) {
  const std::uint64_t number = blocks_.pushes();
  std::uint32_t deliveries = 0;
  for (std::uint32_t at = 0; at < options_.fanout; ++at) {
    Receiver& receiver = receivers_[next_place_];
    if (receiver.open) {
      if (receiver.owed == 0) receiver.owed_from = {.push = number, .at = at};
      ++receiver.owed;
      ++deliveries;
      mark_dirty(next_place_, receiver);
    }
    next_place_ = next_place_ + 1 == options_.receivers ? 0 : next_place_ + 1;
  }
  blocks_.write(intended_ns, deliveries);
}

Turn PushServer::next_turn(Turn turn) const noexcept {
  turn.push += turn_step_.push;
  turn.at += turn_step_.at;
  if (turn.at >= options_.fanout) {
    turn.at -= options_.fanout;
    ++turn.push;
  }
  return turn;
}

// What the receiver is owed, as far as it fits one send; neighbours in the log are one piece. How
// many pieces.
std::size_t PushServer::gather_owed(Receiver& receiver, Gather& gather) const noexcept {
  std::size_t count = 0;
  std::size_t bytes = 0;
  const std::uint8_t* end = nullptr;  // of the last piece
  receiver.sending_from = receiver.owed_from;
  while (receiver.owed > 0 && (bytes == 0 || bytes + blocks_.block_bytes() <= kMaxSendBytes)) {
    const ByteView block = blocks_.block(receiver.owed_from.push);
    if (block.data() == end) {
      gather.pieces[count - 1].iov_len += block.size();
    } else {
      if (count == kMaxPiecesPerSend) break;
      gather.pieces[count++] = {const_cast<std::uint8_t*>(block.data()), block.size()};
    }
    end = block.data() + block.size();
    bytes += block.size();
    ++receiver.sending;
    if (--receiver.owed > 0) receiver.owed_from = next_turn(receiver.owed_from);
  }
  return count;
}

void PushServer::send_owed(std::uint32_t place, Receiver& receiver) {
  if (receiver.sending > 0 || receiver.owed == 0) return;
  Gather& gather = gathers_[next_gather_];
  const std::size_t count = gather_owed(receiver, gather);
  constexpr int kFlags = MSG_WAITALL | MSG_NOSIGNAL;
  io_uring_sqe* sqe = ring_.sqe();
  const int slot = static_cast<int>(receiver.slot);
  if (count == 1) {
    io_uring_prep_send(sqe, slot, gather.pieces[0].iov_base, gather.pieces[0].iov_len, kFlags);
  } else {
    next_gather_ = next_gather_ + 1 == gathers_.size() ? 0 : next_gather_ + 1;
    gather.message = {};
    gather.message.msg_iov = gather.pieces.data();
    gather.message.msg_iovlen = count;
    io_uring_prep_sendmsg(sqe, slot, &gather.message, kFlags);
  }
  sqe->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(sqe, tag(Kind::kSend, place));
}

void PushServer::on_send(std::uint32_t place, int result) {
  Receiver& receiver = receivers_[place];
  if (result > 0) delivered_ += static_cast<std::size_t>(result) / blocks_.block_bytes();
  Turn turn = receiver.sending_from;
  for (;;) {
    blocks_.release(turn.push);
    if (--receiver.sending == 0) break;
    turn = next_turn(turn);
  }
  // A send fails when the peer has gone; the recv says so too, and ends the connection.
  if (result < 0) drop_owed(receiver);
  if (receiver.owed > 0 || !receiver.open) mark_dirty(place, receiver);
}

void PushServer::drop_owed(Receiver& receiver) {
  while (receiver.owed > 0) {
    blocks_.release(receiver.owed_from.push);
    if (--receiver.owed > 0) receiver.owed_from = next_turn(receiver.owed_from);
  }
}

}  // namespace ringgate::bench
