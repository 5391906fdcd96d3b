#include "services/gateway/upstreams/upstream.h"

#include <algorithm>
#include <new>
#include <utility>

#include "codec/rewrite.h"
#include "services/gateway/counters.h"

namespace ringgate {
namespace {

// Of a mailbox, that requests may fill.
constexpr std::uint32_t kMostMailPercent = 60;

}  // namespace

Upstream* Upstreams::find(std::uint32_t id) {
  const auto found = upstreams_.find(id);
  return found == upstreams_.end() ? nullptr : found->second.get();
}

Upstream& Upstreams::open(std::uint32_t id) {
  std::unique_ptr<Upstream>& upstream = upstreams_[id];
  if (upstream == nullptr) {
    upstream = std::make_unique<Upstream>(id, max_outstanding_, counts_.take(id));
  }
  return *upstream;
}

std::uint8_t* Upstreams::reserve(Upstream& upstream, std::size_t bytes,
                                 const OutstandingRequest& request, SendStatus& status) {
  if (!upstream.up) {
    status = SendStatus::kDown;
    return nullptr;
  }
  if (upstream.outstanding.size() == upstream.outstanding.max()) {
    status = SendStatus::kOutstandingFull;
    return nullptr;
  }
  std::uint8_t* room = nullptr;
  if (upstream.link != nullptr) {
    room = shard_.reserve(*upstream.link, bytes);
  } else {
    const ToLinkHead head{upstream.id, upstream.epoch, request.login, request.sequence};
    // What is left is for services: a push that finds no room is lost, and a request is told.
    const bool has_room = shard_.mail_fill_percent(upstream.home) <= kMostMailPercent;
    room = has_room ? shard_.mail(upstream.home, kMailToLink, head, bytes) : nullptr;
  }
  if (room == nullptr) {
    status = upstream.link != nullptr ? SendStatus::kQueueFull : SendStatus::kMailboxFull;
    return nullptr;
  }
  const bool added = upstream.outstanding.add(request, shard_.now_ms());
  RINGGATE_CHECK(added);
  shard_.counters().change(GatewayGauge::kOutstanding, 1);
  if (upstream.link != nullptr) note_asked(upstream);
  status = SendStatus::kOk;
  return room;
}

SendStatus Upstreams::forward(Upstream& upstream, const OutstandingRequest& request,
                              ByteView header, ByteView suffix, ByteView tail) {
  SendStatus status = SendStatus::kOk;
  const std::size_t bytes = forward_bytes(header, suffix, tail);
  const std::size_t ours = shard_.options().limits[index_of(Role::kLink)].max_frame_bytes;
  if (bytes - kTcpFrameHeadBytes > std::min(ours, upstream.max_frame_bytes)) [[unlikely]]
    return SendStatus::kTooLong;
  std::uint8_t* const to = reserve(upstream, bytes, request, status);
  if (to == nullptr) return status;
  write_forward(to, header, suffix, tail);
  shard_.counters().add(GatewayCounter::kForwarded);
  return status;
}

void Upstreams::link_opened(Connection& connection, const AdoptedFor& what, bool broadcast) {
  const auto id = static_cast<std::uint32_t>(what.subject);
  Upstream& upstream = open(id);
  const Block memory = shard_.pool().take(sizeof(LinkState));
  connection.set_user(*new (memory.data) LinkState{&upstream, id, what.lane, what.epoch});
  upstream.link = &connection;
  upstream.home = shard_.index();
  upstream.epoch = what.epoch;
  upstream.up = true;
  connection.last_write_ms = shard_.now_ms();  // the handshake
  shard_.set_deadline(connection, heartbeat_ms_);
  upstream.asked = false;
  if (upstream.silent) {
    // A process that hangs is connected to all the same: it has to say something first.
    note_asked(upstream);
    ping(connection);
    upstream.pinged = true;
    upstream.pinged_ms = shard_.now_ms();
  }
  if (!broadcast) return;
  const LinkEvent event{id, what.lane, what.epoch, CloseReason::kNone};
  for (std::uint32_t other = 0; other < shard_.options().shards; ++other) {
    if (other != shard_.index()) shard_.mail_surely(other, kMailLinkUp, event);
  }
}

Upstream* Upstreams::link_closed(Connection& connection, CloseReason reason) {
  auto* const state = connection.user<LinkState>();
  if (state == nullptr) return nullptr;
  const LinkEvent event{state->upstream_id, state->lane, state->epoch, reason};
  Upstream* const upstream = state->upstream;
  shard_.pool().give(
      {reinterpret_cast<std::uint8_t*>(state), BlockPool::capacity_of(sizeof *state)});
  connection.forget_user();
  // All shards are told, also when the link was only this one's: it is rare, and one rule.
  for (std::uint32_t other = 0; other < shard_.options().shards; ++other) {
    if (other != shard_.index()) shard_.mail_surely(other, kMailLinkDown, event);
  }
  shard_.mail_surely(shard_.control(), kMailLinkClosed, event);
  if (upstream == nullptr || upstream->link != &connection) return nullptr;
  upstream->link = nullptr;
  upstream->up = false;
  return upstream;
}

void Upstreams::ping(Connection& connection) {
  if (std::uint8_t* const to = shard_.reserve(connection, kTcpFrameHeadBytes); to != nullptr) {
    write_tcp_frame_head(to, Opcode::kPing, 0);
  }
}

// Only where nothing was sent for so long: any frame renews the other side's wait, and there are
// services that write their pong into the middle of an answer.
void Upstreams::send_heartbeat(Connection& connection) {
  const std::uint32_t silent_ms =
      connection.output.empty() ? shard_.now_ms() - connection.last_write_ms : 0;
  if (silent_ms < heartbeat_ms_) {
    shard_.set_deadline(connection, heartbeat_ms_ - silent_ms);
    return;
  }
  ping(connection);
  shard_.set_deadline(connection, heartbeat_ms_);
}

void Upstreams::note_asked(Upstream& upstream) noexcept {
  upstream.last_asked_ms = shard_.now_ms();
  if (upstream.asked) return;
  upstream.asked = true;
  upstream.pinged = false;
  upstream.asked_ms = shard_.now_ms();
}

LinkNews Upstreams::look(Upstream& upstream, std::uint32_t after_ms) {
  Connection& link = *upstream.link;
  const std::uint32_t now_ms = shard_.now_ms();
  // A pong, or a part of a packet, is only seen in the time of the last byte.
  const bool heard =
      !upstream.asked || static_cast<std::int32_t>(link.last_read_ms - upstream.asked_ms) > 0;
  if (heard || after_ms == 0) {
    // What was asked after it spoke has its own time. In the same millisecond only the table knows.
    const auto since_read = static_cast<std::int32_t>(upstream.last_asked_ms - link.last_read_ms);
    upstream.asked = upstream.asked && after_ms != 0 &&
                     (since_read > 0 || (since_read == 0 && upstream.outstanding.size() > 0));
    upstream.asked_ms = upstream.last_asked_ms;
    upstream.pinged = false;
    return std::exchange(upstream.silent, false) ? LinkNews::kHeard : LinkNews::kNone;
  }
  if (!upstream.may_be_pinged) {
    if (upstream.silent || now_ms - upstream.asked_ms < 2 * after_ms) return LinkNews::kNone;
    upstream.silent = true;
    return LinkNews::kSilent;
  }
  const std::uint32_t since_ms = upstream.pinged ? upstream.pinged_ms : upstream.asked_ms;
  if (now_ms - since_ms < after_ms / 2) return LinkNews::kNone;
  const bool found = upstream.pinged && !upstream.silent;
  upstream.silent = upstream.silent || found;
  if (!found) ping(link);
  upstream.pinged = true;
  upstream.pinged_ms = now_ms;
  return found ? LinkNews::kSilent : LinkNews::kNone;
}

void Upstreams::take_link_up(std::uint32_t from, const LinkEvent& event) {
  Upstream& upstream = open(event.upstream);
  if (upstream.link != nullptr) return;  // a link of our own is better
  upstream.home = from;
  upstream.epoch = event.epoch;
  upstream.up = true;
}

Upstream* Upstreams::take_link_down(const LinkEvent& event) {
  Upstream* const upstream = find(event.upstream);
  if (upstream == nullptr || upstream->link != nullptr || upstream->epoch != event.epoch) {
    return nullptr;
  }
  upstream->up = false;
  return upstream;
}

void Upstreams::take_to_link(std::uint32_t from, ByteView frame) {
  const ToLinkHead head = kMailToLink.read(frame);
  Upstream* const upstream = find(head.upstream);
  // A link that is gone has told, or will tell, the sender: it fails the request itself.
  if (upstream == nullptr || upstream->link == nullptr || upstream->epoch != head.epoch) return;
  if (std::uint8_t* const to = shard_.reserve(*upstream->link, frame.size()); to != nullptr) {
    std::memcpy(to, frame.data(), frame.size());
    note_asked(*upstream);
    return;
  }
  shard_.counters().add(GatewayCounter::kForwardFailedBytes);
  shard_.mail_surely(from, kMailRefused, head);
}

void Upstreams::retire(std::uint32_t id) {
  const auto found = upstreams_.find(id);
  if (found == upstreams_.end()) return;
  if (Connection* const link = found->second->link; link != nullptr) {
    link->user<LinkState>()->upstream = nullptr;
    shard_.finish(*link, GatewayClose::kLinkRemoved);
  }
  shard_.counters().change(GatewayGauge::kOutstanding,
                           -static_cast<std::int64_t>(found->second->outstanding.size()));
  counts_.give(*found->second->counted);
  upstreams_.erase(found);
}

}  // namespace ringgate
