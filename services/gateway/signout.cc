// Gateway: telling the login service of channels that ended: once each, as soon as a login service
// is connected, kept for a while and up to a bound.
#include "services/gateway/handler.h"

namespace ringgate {

void GatewayHandler::sign_out(const Channel& channel) {
  sign_out({channel.id(), channel.app(), channel.channel_crc});
}

// What the client had sent before is done with its session, wherever it is done: a sign-out on
// another link would overtake it.
void GatewayHandler::sign_out_when_answered(Channel& channel) {
  ended_early_.emplace(channel.login, &channel);
  ended_early_order_.push_back({channel.login, context_->shard.now_ms()});
}

void GatewayHandler::sign_out_early(std::uint32_t login) {
  const auto found = ended_early_.find(login);
  if (found == ended_early_.end()) return;
  Channel* const channel = found->second;
  ended_early_.erase(found);
  sign_out(*channel);
  Channel::destroy(context_->shard.pool(), channel);
}

void GatewayHandler::expire_ended_early() {
  while (!ended_early_order_.empty()) {
    const EndedEarly oldest = ended_early_order_.front();
    const bool late =
        context_->shard.now_ms() - oldest.since_ms > context_->options.login_answer_timeout_ms;
    if (!late && ended_early_.contains(oldest.login)) return;
    ended_early_order_.pop_front();
    sign_out_early(oldest.login);
  }
}

void GatewayHandler::sign_out(const EndedChannel& channel) {
  if (signouts_.empty() && forward_signout(channel)) return;
  wait_for_login_service(channel);
}

void GatewayHandler::wait_for_login_service(const EndedChannel& channel) {
  if (signouts_.size() >= context_->options.max_signouts) {
    context_->count(Counter::kSignoutsDropped);
    return;
  }
  signouts_.push_back(
      {std::string(channel.id), std::string(channel.app), channel.crc, context_->shard.now_ms()});
  context_->shard.counters().set(Gauge::kSignoutsWaiting, signouts_.size());
}

// A sign-out of another shard that was on its way to a link of this one when the link broke or
// filled up.
void GatewayHandler::keep_signout(ByteView frame) {
  const Packet packet =
      parse_packet(frame.subspan(kTcpFrameHeadBytes), context_->options.max_link_header_bytes);
  HeaderScan scan;
  if (packet.status != PacketStatus::kLogic ||
      context_->headers.read(packet.header, context_->options.max_metas, scan) !=
          HeaderRead::kFast) {
    return;  // not one of ours
  }
  // Its app is not in the frame: a route by app may take it to another zone than its sign-in's.
  wait_for_login_service({scan.channel_id, {}, crc32_ieee(scan.channel_id)});
}

bool GatewayHandler::forward_signout(const EndedChannel& channel) {
  const std::string_view account = account_of(channel.id, context_->options.gateway_id);
  // Not route(): one that waits is tried again and again, which is no packet without a service.
  Upstream* const upstream =
      context_->routes.select("login", {channel.crc, account, channel.app}).upstream;
  if (upstream == nullptr) return false;
  OutgoingHeader header;
  header.command = kCommandSignOut;
  header.channel_id = channel.id;
  header.dest_server = context_->options.gateway_id;
  SendStatus status = SendStatus::kOk;
  // Not an outstanding request: nobody waits for its answer.
  std::uint8_t* const to =
      context_->upstreams.reserve(*upstream, framed_packet_bytes(header, 0), nullptr, status);
  if (to == nullptr) return false;
  write_framed_packet(to, header, {});
  context_->count(Counter::kSignouts);
  return true;
}

void GatewayHandler::retry_signouts() {
  while (!signouts_.empty()) {
    const Signout& oldest = signouts_.front();
    if (context_->shard.now_ms() - oldest.since_ms > context_->options.signout_keep_ms) {
      context_->count(Counter::kSignoutsDropped);
    } else if (!forward_signout({oldest.channel_id, oldest.app, oldest.channel_crc})) {
      break;
    }
    signouts_.pop_front();
  }
  context_->shard.counters().set(Gauge::kSignoutsWaiting, signouts_.size());
}

}  // namespace ringgate
