// Links of the played service: what is written to them, and its way out.
#include <algorithm>
#include <utility>

#include "benchmarks/ringbench/service_links.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kFirstPieceBytes = 16 * 1024;

}  // namespace

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
  if (result < 0) lose_link(link);
}

}  // namespace ringgate::bench
