// What a client makes of what comes: every answer once, nothing out of order, nothing of somebody
// else.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "codec/pkt.pb.h"
#include "codec/ws_frame.h"
#include "services/gateway/commands.h"
#include "tests/simulation/client.h"

namespace ringgate::sim {
namespace {

constexpr std::size_t kMaxFrameBytes = 16 * 1024 * 1024;
constexpr std::uint32_t kMostMetas = 64;
constexpr std::string_view kUpgraded =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

}  // namespace

void Client::turn() {
  if (socket_ == nullptr) return;
  socket_->told = false;
  if (scheduler_.now_ns() < deaf_until_ns_) return;
  read();
  if (socket_ == nullptr) return;
  flush();
  if (socket_->reset || (socket_->in_ended && socket_->in.empty())) ended();
}

void Client::read() {
  if (socket_->in.empty()) return;
  inbox_.push(socket_->in.view());
  kernel_.taken(*socket_, socket_->in.size());
  if (plan_.transport == Transport::kTcp) {
    read_tcp();
  } else {
    read_ws();
  }
}

void Client::read_tcp() {
  for (;;) {
    const FrameStep step = next_tcp_frame(inbox_.view(), kMaxFrameBytes);
    if (step.status == FrameStatus::kNeedMore) return;
    if (step.status != FrameStatus::kFrame) return fail("it got what is no frame");
    on_frame(step.frame.opcode, step.frame.payload);
    inbox_.drop(step.consumed);
  }
}

void Client::read_ws() {
  if (!upgraded_) {
    if (inbox_.size() < kUpgraded.size()) return;
    if (as_text(inbox_.view().first(kUpgraded.size())) != kUpgraded) {
      return fail("its upgrade was answered with something else");
    }
    upgraded_ = true;
    inbox_.drop(kUpgraded.size());
  }
  const WsFrameRules rules{kMaxFrameBytes, false, false};
  for (;;) {
    const WsFrameStep step = next_ws_frame(inbox_.view(), rules);
    if (step.status == WsFrameStatus::kNeedMore) return;
    if (step.status != WsFrameStatus::kFrame) return fail("it got what is no frame");
    on_frame(step.head.opcode,
             inbox_.view().subspan(step.head.head_bytes, step.head.payload_bytes));
    inbox_.drop(step.consumed);
  }
}

void Client::on_frame(Opcode opcode, ByteView payload) {
  if (closing_) return fail("it got a frame behind the close frame");
  if (opcode == Opcode::kClose) {
    closing_ = true;
    return;
  }
  if (opcode == Opcode::kPing || opcode == Opcode::kPong) return;
  if (opcode != Opcode::kBinary) return fail("it got a frame of a kind that there is not");
  const Packet packet = parse_packet(payload, kMaxFrameBytes);
  if (packet.status == PacketStatus::kLogic) return on_packet(packet.header, packet.body);
  if (packet.status != PacketStatus::kBasic || packet.code != kBasicPong || pings_ == 0) {
    return fail("it got a packet that is none, or a pong too many");
  }
  --pings_;
  ++tally_.pongs;
}

void Client::on_packet(ByteView bytes, ByteView body) {
  HeaderScan header;
  if (scan_header(bytes, kMostMetas, header) != ScanStatus::kCanonical) {
    return fail("it got a header that is not canonical");
  }
  if (header.dest_server.count != 0 || header.dest_channels.count != 0) {
    return fail("it got a header with the service's addresses");
  }
  scheduler_.note(header.sequence ^ (std::uint64_t{header.flag} << 40U));
  if (header.flag == static_cast<std::uint32_t>(Flag::kResponse)) {
    on_answer(header, body);
  } else if (header.flag == static_cast<std::uint32_t>(Flag::kPush)) {
    if (header.metas > 0) count_dropped(bytes);
    on_push(header, body);
  } else {
    fail("it got a request");
  }
}

void Client::on_answer(const HeaderScan& header, ByteView body) {
  const auto asked = std::ranges::find(asked_, header.sequence, &Asked::sequence);
  if (asked == asked_.end()) {
    return fail("it got an answer to what it has not asked, or a second one, " +
                std::to_string(header.sequence));
  }
  const Asked was = *asked;
  asked_.erase(asked);
  const bool success = header.status == 0;
  if (was.sequence == 1) {
    ++(success ? tally_.logins : tally_.refused);
    if (logged_in_) fail("its login was answered twice");
    logged_in_ = success;
    channel_ = header.channel_id;
    return;
  }
  if (!logged_in_) return fail("it got an answer before that to its login");
  if (!success) {
    ++tally_.failures;
    return;
  }
  ++tally_.answers;
  if (habits_.answers_in_order && was.sequence <= last_answered_) {
    return fail("it got an answer out of order, " + std::to_string(was.sequence));
  }
  last_answered_ = was.sequence;
  if (was.kind == AskedKind::kTalk) return on_talk_answer(was, body);
  if (was.kind == AskedKind::kMembership) return;
  Mark mark;
  if (!read_body(body, mark) || mark.client != plan_.number || mark.sequence != was.sequence ||
      body.size() != sizeof mark + was.filler) {
    return fail("it got an answer with another body, " + std::to_string(was.sequence));
  }
  if (mark.number == 0) return;  // the product's echo does not number
  OnLink& link = on_link(mark.epoch);
  const std::uint32_t last =
      habits_.pushes_are_sliced ? link.last_answer : std::max(link.last_answer, link.last_push);
  if (mark.number <= last) {
    return fail("it got an answer out of order, " + std::to_string(was.sequence));
  }
  link.last_answer = mark.number;
}

// Success means that it is stored.
void Client::on_talk_answer(const Asked& asked, ByteView body) {
  pkt::MessageResp answer;
  if (!answer.ParseFromArray(body.data(), static_cast<int>(body.size())) ||
      answer.messageid() == 0) {
    return fail("its talk was answered with something else");
  }
  if (plan_.stored->times(talk_text(asked.sequence)) != 1) {
    fail("its talk was answered and is not stored, " + std::to_string(asked.sequence));
  }
}

void Client::on_talk(ByteView body) {
  pkt::MessagePush push;
  if (!push.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return fail("it got a talk that is none");
  }
  ++tally_.talks;
  if (!talks_.insert(push.messageid()).second) return fail("it got a talk twice, " + push.body());
  const auto client = static_cast<std::uint32_t>(std::strtoul(push.body().c_str(), nullptr, 10));
  if (push.sender() != account_of_client(client, plan_.sharers)) {
    fail("it got a talk under another name, " + push.body() + " of " + push.sender());
  }
  if (plan_.stored->times(push.body()) != 1) {
    fail("it got a talk that is not stored, " + push.body());
  } else if (push.sender() != plan_.account &&  // a group's goes to all but the sender's channel
             !plan_.stored->is_for(push.body(), plan_.account)) {
    fail("it got a talk that is not for its account, " + push.body());
  }
}

// The first that comes behind pushes that were dropped says how many.
void Client::count_dropped(ByteView header) {
  pkt::Header parsed;
  if (!parsed.ParseFromArray(header.data(), static_cast<int>(header.size()))) {
    return fail("it got a header that is none");
  }
  for (const pkt::Meta& meta : parsed.meta()) {
    if (meta.key() != "dropped") continue;
    const auto dropped =
        static_cast<std::uint32_t>(std::strtoul(meta.value().c_str(), nullptr, 10));
    if (!habits_.pushes_are_dropped || dropped == 0)
      fail("it was told of pushes that were dropped");
    dropped_ += dropped;
    tally_.dropped += dropped;
  }
}

void Client::on_push(const HeaderScan& header, ByteView body) {
  if (!logged_in_) return fail("it got a push before the answer to its login");
  ++tally_.pushes;
  if (header.command == kCommandSignIn) return;  // a kick-out
  if (header.command == kCommandTalk || header.command == kCommandGroupTalk) return on_talk(body);
  if (header.command == kCommandGroupJoin || header.command == kCommandGroupQuit) return;
  Mark mark;
  if (!read_body(body, mark) || mark.client != kNone)
    return fail("it got a push with another body");
  OnLink& link = on_link(mark.epoch);
  const std::uint32_t last =
      habits_.pushes_are_sliced ? link.last_push : std::max(link.last_answer, link.last_push);
  if (mark.number <= last) return fail("it got a push twice, or out of order");
  link.last_push = mark.number;
  ++link.pushes;
}

Client::OnLink& Client::on_link(std::uint32_t epoch) {
  for (OnLink& one : on_links_) {
    if (one.epoch == epoch) return one;
  }
  return on_links_.emplace_back(OnLink{epoch, 0, 0, 0});
}

std::uint32_t Client::pushes_of(std::uint32_t epoch) const {
  for (const OnLink& one : on_links_) {
    if (one.epoch == epoch) return one.pushes;
  }
  return 0;
}

// By the gateway. Whoever only ended its side was to get its answers first; unless it had not read
// for a while, which costs it what is queued.
void Client::ended() {
  constexpr std::uint64_t kLongNs = 10'000 * kMs;
  const bool has_read = deaf_until_ns_ == 0 || scheduler_.now_ns() - deaf_until_ns_ > kLongNs;
  const bool was_patient = left_ && !socket_->reset && reason_ == "peer_closed" &&
                           !asked_.empty() && has_read && inbox_.empty();
  constexpr std::uint64_t kGrainMs = 2;  // of the shard's clock
  const std::uint64_t after_ms = (scheduler_.now_ns() - left_ns_) / kMs;
  if (was_patient && after_ms + kGrainMs < habits_.farewell_ms) {
    fail("it had only ended its side, and went without its answers " + std::to_string(after_ms) +
         " ms later, not " + std::to_string(habits_.farewell_ms));
  }
  forget();
}

}  // namespace ringgate::sim
