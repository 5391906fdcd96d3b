// PushServer: connections, as in echo_server.cc.
#include "benchmarks/floors/push_server.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "benchmarks/floors/tag.h"

namespace ringgate::bench {
namespace {

constexpr std::uint32_t kNoPlace = UINT32_MAX;

}  // namespace

PushServer::PushServer(int listener, const PushOptions& options)
    : options_(options),
      turn_step_{.push = options.receivers / options.fanout,
                 .at = options.receivers % options.fanout},
      slots_(most_direct_descriptors()),
      blocks_(options.body_bytes),
      acceptor_(ring_, listener, slots_),
      receivers_(options.receivers),
      gathers_(kSubmissionEntries) {
  for (std::uint32_t place = options_.receivers; place > 0; --place) {
    free_places_.push_back(place - 1);
  }
  dirty_.reserve(receivers_.size());
  starved_.reserve(receivers_.size());
}

Result<void> PushServer::open() {
  if (options_.receivers > slots_) {
    return fail(fmt::format("one ring holds at most {} connections here: use fewer --receivers, or "
                            "raise `ulimit -n`",
                            slots_),
                2);
  }
  return ring_.open(static_cast<unsigned>(slots_));
}

Result<void> PushServer::run(const std::atomic<bool>& stop) {
  acceptor_.arm();
  while (!stop.load(std::memory_order_relaxed)) {
    if (const int error = ring_.submit_and_wait_ns(wait_ns()); error != 0) {
      return fail(fmt::format("waiting on the ring failed: {}", std::strerror(-error)));
    }
    ring_.for_each_completion([this](const io_uring_cqe& cqe) { on_completion(cqe); });
    push_what_is_due();
    end_batch();
    end_run_when_over();
  }
  if (state_ != State::kWaiting) tell_run();
  return {};
}

void PushServer::on_completion(const io_uring_cqe& cqe) {
  const std::uint32_t number = number_of(cqe.user_data);
  switch (kind_of(cqe.user_data)) {
    case Kind::kSend:
      return on_send(number, cqe.res);
    case Kind::kRecv:
      return on_recv(number, cqe);
    case Kind::kAccept:
      return on_accept(number, cqe.res);
    case Kind::kShutdown:
      return;  // never started here
    case Kind::kClose:
      return on_closed(number);
  }
}

void PushServer::on_accept(std::uint32_t which, int result) {
  acceptor_.completed(which, result);
  if (result < 0) return;
  const auto slot = static_cast<std::uint32_t>(result);
  if (free_places_.empty()) return close_slot(slot, kNoPlace);
  const std::uint32_t place = free_places_.back();
  free_places_.pop_back();
  receivers_[place] = Receiver{.slot = slot, .open = true, .receiving = true};
  ++open_;
  ring_.arm_recv(result, true, tag(Kind::kRecv, place));
  if (state_ == State::kWaiting && open_ == options_.receivers) begin_run();
}

// What receivers say is thrown away.
void PushServer::on_recv(std::uint32_t place, const io_uring_cqe& cqe) {
  Receiver& receiver = receivers_[place];
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) static_cast<void>(ring_.take_received(cqe));
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
  if (cqe.res == -ENOBUFS || cqe.res > 0) return starved_.push_back(place);
  receiver.receiving = false;
  receiver.open = false;
  --open_;
  mark_dirty(place, receiver);
}

void PushServer::on_closed(std::uint32_t place) {
  acceptor_.released();
  if (place != kNoPlace) free_places_.push_back(place);
}

void PushServer::mark_dirty(std::uint32_t place, Receiver& receiver) {
  if (receiver.dirty) return;
  receiver.dirty = true;
  dirty_.push_back(place);
}

void PushServer::end_batch() {
  ring_.return_buffers();
  for (const std::uint32_t place : starved_) {
    ring_.arm_recv(static_cast<int>(receivers_[place].slot), true, tag(Kind::kRecv, place));
  }
  starved_.clear();
  for (const std::uint32_t place : dirty_) {
    Receiver& receiver = receivers_[place];
    receiver.dirty = false;
    if (receiver.open) {
      send_owed(place, receiver);
    } else {
      close_when_idle(place, receiver);
    }
  }
  dirty_.clear();
  acceptor_.arm();
}

void PushServer::close_when_idle(std::uint32_t place, Receiver& receiver) {
  drop_owed(receiver);
  if (receiver.sending == 0 && !receiver.receiving) close_slot(receiver.slot, place);
}

void PushServer::close_slot(std::uint32_t slot, std::uint32_t place) {
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_close_direct(sqe, slot);
  io_uring_sqe_set_data64(sqe, tag(Kind::kClose, place));
}

}  // namespace ringgate::bench
