// Gateway: logging in. The only place of the client's path that looks into bodies.
#include <ctime>
#include <limits>

#include "codec/error_body.h"
#include "codec/pkt.pb.h"
#include "services/gateway/handler.h"

namespace ringgate {
namespace {

std::int64_t unix_now_s() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

// A deadline's reach is 24 days; a token that lives longer is looked at again.
constexpr std::int64_t kMaxDeadlineS = 7 * 24 * 3600;

}  // namespace

void GatewayHandler::login(Connection& connection, const Packet& packet) {
  Requests::Header header;
  if (!on_shard_->requests.read(connection, packet, header)) return;
  const HeaderScan& scan = header.scan;
  if (scan.command != kCommandSignIn || scan.flag != static_cast<std::uint32_t>(Flag::kRequest)) {
    context_->count(Counter::kRefusedCommands);
    on_shard_->requests.answer(connection, scan, Status::kInvalidCommand, "log in first");
    context_->shard.finish(connection, CloseReason::kNotALogin);
    return;
  }
  LoginScan request;
  if (const std::string_view wrong = read_login(packet.body, request); !wrong.empty()) {
    context_->count(Counter::kLoginBodiesRefused);
    refuse_login(connection, scan, Status::kInvalidPacketBody, CloseReason::kLoginRefused, wrong);
    return;
  }
  TokenClaims claims;
  const TokenStatus status = verifier_.verify(request.token, unix_now_s(), claims);
  if (status != TokenStatus::kOk) {
    refuse_login(connection, scan, Status::kUnauthorized, CloseReason::kLoginRefused,
                 describe(status));
    return;
  }
  pkt::Session session;
  session.set_account(claims.account);
  session.set_app(claims.app);
  session.set_zone(request.zone.data(), request.zone.size());
  session.set_isp(request.isp.data(), request.isp.size());
  for (const std::string_view tag : request.tags()) session.add_tags(tag.data(), tag.size());
  session.set_gateid(context_->options.gateway_id);
  session.set_remoteip(connection.peer.ip());
  session.set_channelid(make_channel_id(context_->options.gateway_id, claims.account,
                                        context_->options.nonce, context_->shard.index(),
                                        connection.slot, next_login_));
  forward_login(connection, packet, header, claims, session);
}

// Empty: it is good. The token has not been looked at yet, so this has to cost next to nothing.
std::string_view GatewayHandler::read_login(ByteView body, LoginScan& request) const {
  if (body.size() > context_->options.max_login_body_bytes)
    return "the body is longer than a login may be";
  switch (scan_login(body, context_->options.max_login_tags, request)) {
    case LoginScanStatus::kOk:
      return {};
    case LoginScanStatus::kBad:
      return "the body is not a LoginReq";
    case LoginScanStatus::kTooManyTags:
      return "the body has more tags or fields than a login may have";
    case LoginScanStatus::kBadLabel:
      break;
  }
  return "zone, isp or a tag is longer than 256 bytes, not UTF-8 or has a control character";
}

void GatewayHandler::refuse_login(Connection& connection, const HeaderScan& scan, Status status,
                                  CloseReason reason, std::string_view text) {
  context_->count(Counter::kLoginsRefused);
  on_shard_->requests.answer(connection, scan, status, text);
  context_->shard.finish(connection, reason);
}

void GatewayHandler::forward_login(Connection& connection, const Packet& packet,
                                   const Requests::Header& header, const TokenClaims& claims,
                                   const pkt::Session& session) {
  const HeaderScan& scan = header.scan;
  const ClientIdentity identity{session.channelid(), claims.app, claims.account,
                                context_->options.gateway_id};
  const SelectionKey key{crc32_ieee(identity.channel_id), identity.account, identity.app};
  const Requests::Route to = on_shard_->requests.route("login", key);
  if (to.upstream == nullptr) {
    refuse_login(connection, scan, Status::kSystemException, CloseReason::kNoLoginService,
                 "no login service is connected; try again");
    return;
  }
  Requests::Prepared prepared;
  if (!on_shard_->requests.prepare(connection, packet, header, identity, prepared)) return;
  session_.assign(kBodyLengthBytes, '\0');
  session.AppendToString(&session_);
  write_body_length(reinterpret_cast<std::uint8_t*>(session_.data()),
                    session_.size() - kBodyLengthBytes);

  // The channel is there before its login is forwarded, so that the answer always finds it.
  Channel* const channel = Channel::create(context_->shard.pool(), identity);
  channel->login = static_cast<std::uint32_t>(next_login_);
  // In mail and in tables its low half stands for it, and 0 there for a packet without a login.
  if (static_cast<std::uint32_t>(++next_login_) == 0) ++next_login_;
  channel->login_sequence = scan.sequence;
  channel->expires_at_s = static_cast<std::uint32_t>(
      std::min<std::int64_t>(claims.expires_at_s, std::numeric_limits<std::uint32_t>::max()));

  const OutstandingRequest request{connection.slot, channel->login, scan.sequence, kCommandSignIn};
  const SendStatus status =
      on_shard_->requests.send(to, request, prepared, channel->suffix(), as_bytes(session_));
  if (status != SendStatus::kOk) {
    login_failed(*channel, "the login service cannot take more");
    Channel::destroy(context_->shard.pool(), channel);
    refuse_login(connection, scan, Status::kSystemException, CloseReason::kNoLoginService,
                 Requests::describe_refusal(status));
    return;
  }
  connection.user = channel;
  context_->shard.hold_input(connection);
  context_->shard.set_deadline(connection, context_->options.login_answer_timeout_ms);
}

// The login's answer is the first packet that the channel gets; then come the pushes that waited.
void GatewayHandler::login_answered(Connection& connection, Channel& channel,
                                    const Delivery& delivery) {
  write_delivery(connection, delivery);
  if (!connection.open()) return;
  if (delivery.head.success == 0) {
    context_->count(Counter::kLoginsRefused);
    if (delivery.head.fault != 0) login_failed(channel, error_text(body_of_tail(delivery.tail)));
    context_->shard.finish(connection, CloseReason::kLoginRefused);
    return;
  }
  context_->count(Counter::kLogins);
  count_channel(connection, 1);
  channel.state = ChannelState::kLoggedIn;
  flush_waiting(connection, channel);
  if (!connection.open()) return;
  if (channel.kicked_out) {
    context_->shard.finish(connection, CloseReason::kKickedOut);
    return;
  }
  arm_token_expiry(connection, channel);
  context_->shard.release_input(connection);
}

void GatewayHandler::arm_token_expiry(Connection& connection, const Channel& channel) {
  const std::int64_t left_s =
      std::int64_t{channel.expires_at_s} + context_->options.token_grace_s - unix_now_s();
  const std::int64_t after_s = std::clamp<std::int64_t>(left_s, 0, kMaxDeadlineS);
  context_->shard.set_deadline(connection, static_cast<std::uint32_t>(after_s * 1000 + 1));
}

void GatewayHandler::token_deadline(Connection& connection, Channel& channel) {
  if (channel.state == ChannelState::kLoggingIn) {
    give_up_login(channel);
    login_failed(channel, "the login service did not answer in time");
    HeaderScan scan;
    scan.command = kCommandSignIn;
    scan.sequence = channel.login_sequence;
    on_shard_->requests.answer(connection, scan, Status::kSystemException,
                               "the login service did not answer in time");
    context_->shard.finish(connection, CloseReason::kLoginAnswerTimeout);
    return;
  }
  if (connection.saw_eof) {
    context_->shard.finish(connection, CloseReason::kPeerClosed);
  } else if (unix_now_s() >= std::int64_t{channel.expires_at_s} + context_->options.token_grace_s) {
    context_->shard.finish(connection, CloseReason::kTokenExpired);
  } else {
    arm_token_expiry(connection, channel);
  }
}

}  // namespace ringgate
