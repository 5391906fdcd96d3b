#include "benchmarks/ringbench/service_links.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "codec/pkt.pb.h"
#include "control/discovery/instance.h"

namespace ringgate::bench {
namespace {

constexpr unsigned kCloseTurnMs = 20;
constexpr unsigned kCloseTurns = 50;

}  // namespace

ServiceLinks::~ServiceLinks() {
  for (const auto& link : links_) {
    if (link->fd >= 0) close(link->fd);
  }
}

void ServiceLinks::accept_from(std::span<const int> listeners) {
  listeners_.assign(listeners.begin(), listeners.end());
  for (std::uint32_t i = 0; i < listeners_.size(); ++i) arm_accept(i);
}

void ServiceLinks::arm_accept(std::uint32_t listener) {
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_multishot_accept(sqe, listeners_[listener], nullptr, nullptr, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(sqe, tag(Kind::kAccept, listener));
  ++armed_accepts_;
}

// A slot is free only when nothing of its link is in flight: so user_data needs no generation.
void ServiceLinks::on_completion(const io_uring_cqe& cqe) {
  const auto slot = static_cast<std::uint32_t>(cqe.user_data >> 8);
  switch (static_cast<Kind>(cqe.user_data & 0xff)) {
    case Kind::kAccept:
      return on_accept(slot, cqe);
    case Kind::kRecv:
      return on_recv(*links_[slot], cqe);
    case Kind::kSend:
      return on_send(*links_[slot], cqe.res);
    case Kind::kCancel:
      return;  // what was cancelled completes too
  }
}

// --- Links come and go -----------------------------------------------------------------------

void ServiceLinks::on_accept(std::uint32_t listener, const io_uring_cqe& cqe) {
  if (cqe.res >= 0 && closing_) close(cqe.res);
  if (cqe.res >= 0 && !closing_) {
    Link& link = take_slot();
    link.fd = cqe.res;
    link.listener = listener;
    link.receiving = true;
    ring_.arm_recv(link.fd, false, tag(Kind::kRecv, link.id.slot));
  }
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
  --armed_accepts_;
  if (closing_) return;
  // Out of descriptors: another accept would fail at once, and the next one too.
  const bool hopeless = cqe.res < 0 && cqe.res != -ECONNABORTED && cqe.res != -EINTR;
  if (hopeless) return user_.on_accept_failed(-cqe.res);
  accepts_to_arm_.push_back(listener);
}

ServiceLinks::Link& ServiceLinks::take_slot() {
  const auto free = std::ranges::find(links_, -1, [](const auto& link) { return link->fd; });
  if (free != links_.end()) return **free;
  const auto slot = static_cast<std::uint32_t>(links_.size());
  links_.push_back(std::make_unique<Link>());
  links_.back()->id = {slot, 0};
  return *links_.back();
}

void ServiceLinks::lose_link(Link& link) {
  const bool expected = link.ending || !link.up || ends_expected_.load(std::memory_order_relaxed);
  break_link(link, expected ? std::nullopt : std::optional(ErrorKind::kConnectionLost));
}

void ServiceLinks::break_link(Link& link, std::optional<ErrorKind> error) {
  if (link.broken) return;
  link.broken = true;
  if (error) count(*error);
  shutdown(link.fd, SHUT_RDWR);  // ends the recv and a send, whose completions still come
  mark_dirty(link);
  if (!std::exchange(link.up, false)) return;
  publish_ready();
  user_.on_link_down(link.id, link.gateway_id);
}

void ServiceLinks::free_when_idle(Link& link) {
  if (link.receiving || link.sending) return;
  link.queue.clear(pool_);
  close(link.fd);
  const LinkId next{link.id.slot, link.id.generation + 1};
  link = Link{};
  link.id = next;
}

void ServiceLinks::publish_ready() {
  unsigned up = 0;
  std::vector<bool> has_one(listeners_.size());
  for (const auto& link : links_) {
    if (!link->up) continue;
    ++up;
    has_one[link->listener] = true;
  }
  const bool all = std::ranges::all_of(has_one, std::identity{});
  ready_.store(all ? up : 0, std::memory_order_relaxed);
}

void ServiceLinks::close_all() {
  closing_ = true;
  for (const auto& link : links_) {
    if (link->fd >= 0) break_link(*link, std::nullopt);
  }
  flush();
  cancel_accepts();
  for (unsigned turn = 0; turn < kCloseTurns && holds_sockets(); ++turn) {
    if (ring_.submit_and_wait(kCloseTurnMs) != 0) return;
    ring_.for_each_completion([this](const io_uring_cqe& cqe) {
      if (owns(cqe)) on_completion(cqe);
    });
    end_batch();
    flush();
  }
}

void ServiceLinks::cancel_accepts() {
  accepts_to_arm_.clear();
  for (std::uint32_t i = 0; i < listeners_.size(); ++i) {
    io_uring_sqe* sqe = ring_.sqe();
    io_uring_prep_cancel64(sqe, tag(Kind::kAccept, i), 0);
    io_uring_sqe_set_data64(sqe, tag(Kind::kCancel, i));
  }
}

bool ServiceLinks::holds_sockets() const {
  return armed_accepts_ > 0 ||
         std::ranges::any_of(links_, [](const auto& link) { return link->fd >= 0; });
}

// --- In --------------------------------------------------------------------------------------

void ServiceLinks::on_recv(Link& link, const io_uring_cqe& cqe) {
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const ByteView bytes = ring_.take_received(cqe);
    if (!link.broken) take_bytes(link, bytes);
  }
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
  if (!link.broken && (cqe.res == -ENOBUFS || cqe.res > 0)) {
    starved_.push_back(link.id.slot);
    return;
  }
  link.receiving = false;
  mark_dirty(link);
  lose_link(link);
}

void ServiceLinks::take_bytes(Link& link, ByteView bytes) {
  if (link.partial.empty()) {
    const ByteView rest = bytes.subspan(take_frames(link, bytes));
    link.partial.assign(rest.begin(), rest.end());
    return;
  }
  link.partial.insert(link.partial.end(), bytes.begin(), bytes.end());
  const auto done = static_cast<std::ptrdiff_t>(take_frames(link, link.partial));
  link.partial.erase(link.partial.begin(), link.partial.begin() + done);
}

std::size_t ServiceLinks::take_frames(Link& link, ByteView bytes) {
  std::size_t done = 0;
  while (!link.broken && !link.ending) {
    const FrameStep step = next_tcp_frame(bytes.subspan(done), kMaxFrameBytes);
    if (step.status == FrameStatus::kNeedMore) return done;
    if (step.status != FrameStatus::kFrame) {
      break_link(link, ErrorKind::kMalformed);
      break;
    }
    on_frame(link, step.frame);
    done += step.consumed;
  }
  return bytes.size();  // nothing more is wanted of it
}

void ServiceLinks::on_frame(Link& link, const Frame& frame) {
  if (!link.up) return shake_hands(link, frame);
  switch (frame.opcode) {
    case Opcode::kBinary:
      return user_.on_link_packet(link.id, link.gateway_id, frame.payload);
    case Opcode::kPing:
      return write_frame(link, Opcode::kPong, frame.payload);
    case Opcode::kClose:
      write_frame(link, Opcode::kClose, {});
      link.ending = true;
      return;
    case Opcode::kPong:
      return;
    case Opcode::kText:
    case Opcode::kContinuation:
      return count(ErrorKind::kMalformed);
  }
}

void ServiceLinks::shake_hands(Link& link, const Frame& frame) {
  pkt::InnerHandshakeReq request;
  const bool parsed =
      frame.opcode == Opcode::kBinary &&
      request.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()));
  if (!parsed || !valid_service_id(request.serviceid())) {
    return break_link(link, ErrorKind::kMalformed);
  }
  link.gateway_id = request.serviceid();
  link.up = true;
  publish_ready();
  user_.on_link_up(link.id, link.gateway_id);
}

void ServiceLinks::end_batch() {
  ring_.return_buffers();
  for (const std::uint32_t slot : starved_) {
    Link& link = *links_[slot];
    if (link.broken) {
      link.receiving = false;
      mark_dirty(link);
    } else {
      ring_.arm_recv(link.fd, false, tag(Kind::kRecv, slot));
    }
  }
  starved_.clear();
  for (const std::uint32_t listener : accepts_to_arm_) arm_accept(listener);
  accepts_to_arm_.clear();
}

}  // namespace ringgate::bench
