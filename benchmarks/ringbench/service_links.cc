#include "benchmarks/ringbench/service_links.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "codec/pkt.pb.h"
#include "control/service.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kFirstPieceBytes = 16 * 1024;
constexpr unsigned kCloseTurnMs = 20;
constexpr unsigned kCloseTurns = 50;

enum class Kind : std::uint8_t { kAccept, kRecv, kSend };

constexpr std::uint64_t tag(Kind kind, std::uint32_t slot) noexcept {
  return (std::uint64_t{slot} << 8) | static_cast<std::uint8_t>(kind);
}

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
  }
}

// --- Links come and go -----------------------------------------------------------------------

void ServiceLinks::on_accept(std::uint32_t listener, const io_uring_cqe& cqe) {
  if (cqe.res >= 0) {
    Link& link = take_slot();
    link.fd = cqe.res;
    link.listener = listener;
    link.receiving = true;
    ring_.arm_recv(link.fd, false, tag(Kind::kRecv, link.id.slot));
  }
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
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

void ServiceLinks::break_link(Link& link, std::optional<ErrorKind> error) {
  if (link.broken) return;
  link.broken = true;
  const bool expected = error == ErrorKind::kConnectionLost &&
                        (link.ending || ends_expected_.load(std::memory_order_relaxed));
  if (error && !expected) count(*error);
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
  for (const auto& link : links_) {
    if (link->fd >= 0) break_link(*link, std::nullopt);
  }
  const auto is_open = [](const auto& link) { return link->fd >= 0; };
  flush();
  for (unsigned turn = 0; turn < kCloseTurns && std::ranges::any_of(links_, is_open); ++turn) {
    if (ring_.submit_and_wait(kCloseTurnMs) != 0) return;
    ring_.for_each_completion([this](const io_uring_cqe& cqe) {
      if (static_cast<Kind>(cqe.user_data & 0xff) != Kind::kAccept) return on_completion(cqe);
      if (cqe.res >= 0) close(cqe.res);
    });
    end_batch();
    flush();
  }
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
  const bool expected = link.ending || !link.up;
  break_link(link, expected ? std::nullopt : std::optional(ErrorKind::kConnectionLost));
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

// --- Out -------------------------------------------------------------------------------------

const ServiceLinks::Link* ServiceLinks::get(LinkId id) const {
  if (id.slot >= links_.size()) return nullptr;
  const Link& link = *links_[id.slot];
  const bool there = link.id == id && link.fd >= 0 && !link.broken;
  return there ? &link : nullptr;
}

std::uint8_t* ServiceLinks::room(LinkId id, std::size_t bytes) {
  if (get(id) == nullptr) return nullptr;
  Link& link = *links_[id.slot];
  if (!link.queue.empty() && link.queue.queued_bytes() + bytes > kMaxQueuedBytes) {
    break_link(link, ErrorKind::kConnectionLost);
    return nullptr;
  }
  mark_dirty(link);
  return link.queue.reserve(pool_, bytes, kFirstPieceBytes);
}

bool ServiceLinks::has_push_room(LinkId id, std::size_t bytes) const {
  const Link* const link = get(id);
  return link != nullptr &&
         (link->queue.empty() || link->queue.queued_bytes() + bytes <= kMaxPushedBytes);
}

std::optional<LinkId> ServiceLinks::find(std::string_view gateway_id) const {
  for (const auto& link : links_) {
    if (link->up && link->gateway_id == gateway_id) return link->id;
  }
  return std::nullopt;
}

void ServiceLinks::write_frame(Link& link, Opcode opcode, ByteView payload) {
  std::uint8_t* const to = room(link.id, kTcpFrameHeadBytes + payload.size());
  if (to == nullptr) return;
  write_tcp_frame_head(to, opcode, static_cast<std::uint32_t>(payload.size()));
  std::ranges::copy(payload, to + kTcpFrameHeadBytes);
}

void ServiceLinks::mark_dirty(Link& link) {
  if (std::exchange(link.dirty, true)) return;
  dirty_.push_back(link.id.slot);
}

void ServiceLinks::flush() {
  flushing_.swap(dirty_);
  for (const std::uint32_t slot : flushing_) {
    Link& link = *links_[slot];
    link.dirty = false;
    if (link.broken) {
      free_when_idle(link);
    } else {
      send_queued(link);
    }
  }
  flushing_.clear();
}

void ServiceLinks::send_queued(Link& link) {
  if (link.sending) return;
  if (link.queue.empty()) {
    if (link.ending) break_link(link, std::nullopt);
    return;
  }
  link.message = {};
  link.message.msg_iov = link.pieces.data();
  link.message.msg_iovlen = link.queue.start_send(link.pieces);
  link.sending = true;
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_sendmsg(sqe, link.fd, &link.message, MSG_WAITALL | MSG_NOSIGNAL);
  io_uring_sqe_set_data64(sqe, tag(Kind::kSend, link.id.slot));
}

void ServiceLinks::on_send(Link& link, int result) {
  link.sending = false;
  link.queue.complete_send(pool_, result > 0 ? static_cast<std::size_t>(result) : 0);
  mark_dirty(link);
  if (result < 0) break_link(link, ErrorKind::kConnectionLost);
}

}  // namespace ringgate::bench
