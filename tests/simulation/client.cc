// What a client does. What it makes of what comes is in client_reading.cc.
#include "tests/simulation/client.h"

#include <algorithm>
#include <utility>

#include "codec/pkt.pb.h"
#include "codec/unmask.h"
#include "services/gateway/commands.h"

namespace ringgate::sim {
namespace {

constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// What a client has said and nobody has answered, or taken.
constexpr std::size_t kMostAsked = 200;
constexpr std::size_t kMostUnsent = 20'000;

void add_ws_frame(Pipe& to, Opcode opcode, ByteView payload, const WsMaskKey& key) {
  const std::size_t size = payload.size();
  const auto head = static_cast<std::uint8_t>(0x80U | static_cast<std::uint8_t>(opcode));
  if (size < 126) {
    std::uint8_t* const at = to.extend(2);
    at[0] = head;
    at[1] = static_cast<std::uint8_t>(0x80U | size);
  } else if (size <= 0xFFFF) {
    std::uint8_t* const at = to.extend(4);
    at[0] = head;
    at[1] = 0x80U | 126U;
    store_be(at + 2, static_cast<std::uint16_t>(size));
  } else {
    std::uint8_t* const at = to.extend(10);
    at[0] = head;
    at[1] = 0x80U | 127U;
    store_be(at + 2, std::uint64_t{size});
  }
  to.push(key);
  std::uint8_t* const at = to.extend(size);
  for (std::size_t i = 0; i < size; ++i) {
    at[i] = static_cast<std::uint8_t>(payload[i] ^ key[i % key.size()]);
  }
}

}  // namespace

Client::Client(Kernel& kernel, ClientPlan plan, const ClientHabits& habits)
    : kernel_(kernel),
      scheduler_(kernel.scheduler()),
      random_(scheduler_.random),
      plan_(std::move(plan)),
      habits_(habits) {
  think();
}

void Client::think_after(std::uint64_t ms) {
  scheduler_.after(random_.below(2 * ms * kMs + 1), Actor::kThought, plan_.number, ++version_);
}

void Client::think() {
  think_after(habits_.think_ms);
}

void Client::thought(std::uint32_t version) {
  if (version != version_) return;
  if (socket_ == nullptr) {
    if (!calm_) come();
  } else {
    turn();
    if (socket_ != nullptr && logged_in_ && !left_ && !closing_ && !calm_) act();
  }
  if (!calm_) think();
}

void Client::come() {
  const std::uint32_t process = plan_.process();
  if (process == kNone) return;
  socket_ = &kernel_.connect(process, plan_.listener, plan_.number);
  outbox_.clear();
  inbox_.clear();
  on_links_.clear();
  channel_.clear();
  reason_ = {};
  pings_ = 0;
  dropped_ = 0;
  next_sequence_ = 2;
  last_answered_ = 0;
  talks_.clear();
  ++connections_;
  deaf_until_ns_ = 0;
  upgraded_ = logged_in_ = left_ = erred_ = closing_ = false;
  if (plan_.transport == Transport::kWebSocket) outbox_.push(as_bytes(kUpgrade));
  if (random_.one_in(8)) ping();
  send_frame(plan_.login);
  asked_.assign(1, {1, 0, scheduler_.now_ns()});
  while (random_.one_in(4)) ask();  // behind the login, before its answer
  flush();
}

void Client::act() {
  if (random_.one_in(habits_.leaves)) return leave();
  if (random_.one_in(habits_.errs)) {
    err();
  } else if (random_.one_in(habits_.stalls)) {
    const std::uint64_t ns = random_.below(random_.one_in(20) ? 20'000 * kMs : 300 * kMs);
    deaf_until_ns_ = scheduler_.now_ns() + ns;
    scheduler_.after(ns + 1, Actor::kClient, plan_.number);
  } else if (random_.one_in(4)) {
    ping();
  } else if (asked_.size() < kMostAsked && outbox_.size() < kMostUnsent) {
    for (std::uint32_t i = random_.between(1, habits_.most_burst); i > 0; --i) ask();
  }
  flush();
}

void Client::ping() {
  ++pings_;
  send_frame(ByteView(kTcpPing).subspan(kTcpFrameHeadBytes));
}

void Client::ask() {
  if (habits_.talks && random_.one_in(2)) return talk();
  if (habits_.groups > 0 && random_.one_in(20)) return change_membership();
  const std::uint32_t sequence = next_sequence_++;
  const std::uint32_t most = random_.one_in(30) ? habits_.filler_bytes * 20 : habits_.filler_bytes;
  Asked asked{sequence, random_.below(most + 1), scheduler_.now_ns()};
  OutgoingHeader header{.command = "echo.say", .sequence = sequence};
  if (random_.one_in(50)) header.command = "nobody.hears";
  if (random_.one_in(50)) header.command = kCommandSignOut;
  if (random_.one_in(habits_.forges)) {
    header.account = "somebody-else";
    header.dest_server = "another-gateway";
  }
  make_body(body_, {plan_.number, sequence, 0, 0}, asked.filler);
  asked_.push_back(asked);
  send_packet(header, body_);
}

std::string Client::talk_text(std::uint32_t sequence) const {
  return std::to_string(plan_.number) + "." + std::to_string(connections_) + "." +
         std::to_string(sequence);
}

void Client::talk() {
  const std::uint32_t sequence = next_sequence_++;
  pkt::MessageReq message;
  message.set_type(1);
  message.set_body(talk_text(sequence));
  const std::string body = message.SerializeAsString();
  const bool to_group = habits_.groups > 0 && random_.one_in(3);
  const std::string to = to_group ? group_of(random_.below(habits_.groups))
                                  : account_of_client(random_.below(plan_.accounts), 1);
  asked_.push_back({sequence, 0, scheduler_.now_ns(), AskedKind::kTalk});
  send_packet(
      {.command = to_group ? kCommandGroupTalk : kCommandTalk, .sequence = sequence, .dest = to},
      as_bytes(body));
}

// It joins a group, or quits it, whether it is a member or not.
void Client::change_membership() {
  const std::uint32_t sequence = next_sequence_++;
  pkt::GroupJoinReq request;  // GroupQuitReq is the same
  request.set_account(plan_.account);
  request.set_group_id(group_of(random_.below(habits_.groups)));
  asked_.push_back({sequence, 0, scheduler_.now_ns(), AskedKind::kMembership});
  send_packet(
      {.command = random_.one_in(2) ? kCommandGroupJoin : kCommandGroupQuit, .sequence = sequence},
      as_bytes(request.SerializeAsString()));
}

void Client::err() {
  erred_ = true;
  constexpr std::array<std::uint8_t, 3> kNoFrame = {5, 1, 2};
  outbox_.push(kNoFrame);
}

void Client::leave() {
  if (socket_ == nullptr || left_) return;
  left_ = true;
  left_ns_ = scheduler_.now_ns();
  if (random_.one_in(habits_.resets)) {
    kernel_.reset(*std::exchange(socket_, nullptr));
    return forget();
  }
  if (random_.one_in(3)) {
    if (plan_.transport == Transport::kWebSocket) {
      constexpr std::array<std::uint8_t, 2> kGoing = {0x03, 0xE9};
      send_frame_of(Opcode::kClose, kGoing);
    } else {
      send_frame_of(Opcode::kClose, {});
    }
    return flush();
  }
  if (!random_.one_in(habits_.half_closes) && !calm_) {
    kernel_.close(*std::exchange(socket_, nullptr));
    return forget();
  }
  ends_ = true;
  flush();
}

void Client::calm() {
  calm_ = true;
  deaf_until_ns_ = std::min(deaf_until_ns_, scheduler_.now_ns());
  if (socket_ != nullptr) turn();
}

void Client::send_frame(ByteView payload) {
  send_frame_of(Opcode::kBinary, payload);
}

void Client::send_frame_of(Opcode opcode, ByteView payload) {
  if (plan_.transport == Transport::kWebSocket) {
    const auto key = static_cast<std::uint32_t>(random_.next());
    WsMaskKey bytes;
    std::memcpy(bytes.data(), &key, bytes.size());
    add_ws_frame(outbox_, opcode, payload, bytes);
    return;
  }
  write_tcp_frame_head(outbox_.extend(kTcpFrameHeadBytes), opcode,
                       static_cast<std::uint32_t>(payload.size()));
  outbox_.push(payload);
}

void Client::send_packet(const OutgoingHeader& header, ByteView body) {
  packet_.resize(packet_bytes(header, body.size()));
  write_packet(packet_.data(), header, body);
  send_frame(packet_);
}

// A part now and the rest later, sometimes; and the end of its side behind all of it.
void Client::flush() {
  if (socket_ == nullptr) return;
  ByteView bytes = outbox_.view();
  const bool in_parts = bytes.size() > 1 && random_.one_in(6);
  if (in_parts) {
    bytes = bytes.first(random_.between(1, bytes.size() - 1));
    scheduler_.after(random_.below(2 * kMs), Actor::kClient, plan_.number);
  }
  outbox_.drop(kernel_.write(*socket_, bytes));
  if (ends_ && outbox_.empty()) {
    ends_ = false;
    kernel_.end(*socket_);
  }
}

// The connection has ended, from whichever side.
void Client::forget() {
  tally_.voided += asked_.size();
  asked_.clear();
  pings_ = 0;
  ends_ = false;
  logged_in_ = false;
  if (socket_ != nullptr) kernel_.close(*std::exchange(socket_, nullptr));
}

void Client::closed_by_gateway(const Socket& its_end, std::string_view reason) {
  if (socket_ == nullptr || its_end.other != socket_) return;  // an earlier one of this client
  reason_ = reason;
  const auto is = [reason](std::string_view one) { return reason == one; };
  const bool blames = is("bad_frame") || is("frame_too_long") || is("bad_packet") ||
                      is("header_too_long") || is("too_many_metas") || is("not_a_login") ||
                      is("text_message") || is("bad_text") || is("upgrade_refused");
  if (blames && !erred_) fail("it was closed for what it has not done");
  if (is("peer_closed") && !left_) fail("it was closed as if it had left");
}

std::string Client::describe() const {
  std::string text = "client " + std::to_string(plan_.number) + " (" +
                     std::string(ringgate::describe(plan_.transport)) + ", " + plan_.account +
                     ", " + channel_ + "): " + (logged_in_ ? "logged in" : "not logged in") +
                     (left_ ? ", left" : "") + (closing_ ? ", closing" : "") +
                     (reason_.empty() ? "" : ", closed for " + std::string(reason_)) + ", pings " +
                     std::to_string(pings_) + ", asked";
  for (const Asked& asked : asked_) {
    text += " " + std::to_string(asked.sequence) + "@" + std::to_string(asked.at_ns / kMs);
  }
  return text;
}

void Client::fail(std::string_view what) {
  scheduler_.fail(std::string(what) + ": " + describe());
}

}  // namespace ringgate::sim
