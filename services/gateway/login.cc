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
  HeaderScan scan;
  const HeaderRead read = read_header(packet.header, options_.max_metas, scan);
  if (read == HeaderRead::kBad || read == HeaderRead::kTooManyMetas) {
    shard_->finish(connection,
                   read == HeaderRead::kBad ? CloseReason::kBadPacket : CloseReason::kTooManyMetas);
    return;
  }
  count_in(connection, scan.command, packet);
  if (scan.command != kCommandSignIn || scan.flag != static_cast<std::uint32_t>(Flag::kRequest)) {
    shard_->counters().add(Counter::kRefusedCommands);
    answer(connection, scan, Status::kInvalidCommand, "log in first");
    shard_->finish(connection, CloseReason::kNotALogin);
    return;
  }
  LoginScan request;
  if (const std::string_view wrong = read_login(packet.body, request); !wrong.empty()) {
    shard_->counters().add(Counter::kLoginBodiesRefused);
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
  session.set_gateid(options_.gateway_id);
  session.set_remoteip(connection.peer.ip());
  session.set_channelid(make_channel_id(options_.gateway_id, claims.account, options_.nonce,
                                        shard_->index(), connection.slot, next_login_));
  forward_login(connection, packet, scan, read == HeaderRead::kSlow, claims, session);
}

// Empty: it is good. The token has not been looked at yet, so this has to cost next to nothing.
std::string_view GatewayHandler::read_login(ByteView body, LoginScan& request) const {
  if (body.size() > options_.max_login_body_bytes) return "the body is longer than a login may be";
  switch (scan_login(body, options_.max_login_tags, request)) {
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
  shard_->counters().add(Counter::kLoginsRefused);
  answer(connection, scan, status, text);
  shard_->finish(connection, reason);
}

void GatewayHandler::forward_login(Connection& connection, const Packet& packet,
                                   const HeaderScan& scan, bool slow, const TokenClaims& claims,
                                   const pkt::Session& session) {
  const ClientIdentity identity{session.channelid(), claims.app, claims.account,
                                options_.gateway_id};
  const SelectionKey key{crc32_ieee(identity.channel_id), identity.account, identity.app};
  const Route to = route("login", key);
  if (to.upstream == nullptr) {
    refuse_login(connection, scan, Status::kSystemException, CloseReason::kNoLoginService,
                 "no login service is connected; try again");
    return;
  }
  session_.assign(kBodyLengthBytes, '\0');
  session.AppendToString(&session_);
  write_body_length(reinterpret_cast<std::uint8_t*>(session_.data()),
                    session_.size() - kBodyLengthBytes);

  // The channel is there before its login is forwarded, so that the answer always finds it.
  Channel* const channel = Channel::create(shard_->pool(), identity);
  channel->login = static_cast<std::uint32_t>(next_login_);
  // In mail and in tables its low half stands for it, and 0 there for a packet without a login.
  if (static_cast<std::uint32_t>(++next_login_) == 0) ++next_login_;
  channel->login_sequence = scan.sequence;
  channel->expires_at_s = static_cast<std::uint32_t>(
      std::min<std::int64_t>(claims.expires_at_s, std::numeric_limits<std::uint32_t>::max()));

  const OutstandingRequest request{connection.slot, channel->login, scan.sequence, kCommandSignIn};
  ByteView header = packet.header;
  ByteView suffix = channel->suffix();
  if (slow || scan.has_reserved) {
    HeaderScan again;
    if (!slow && !slow_path_.parse(packet.header, again)) {
      Channel::destroy(shard_->pool(), channel);
      shard_->finish(connection, CloseReason::kBadPacket);
      return;
    }
    header = slow_path_.rewrite_for_forward(identity);
    suffix = {};
  }
  const SendStatus status =
      upstreams_->forward(*to.upstream, request, header, suffix, as_bytes(session_));
  if (status != SendStatus::kOk) {
    count_failure(to, status);
    login_failed(*channel, "the login service cannot take more");
    Channel::destroy(shard_->pool(), channel);
    refuse_login(connection, scan, Status::kSystemException, CloseReason::kNoLoginService,
                 describe_refusal(status));
    return;
  }
  to.counters->forwarded.add(1);
  connection.user = channel;
  shard_->hold_input(connection);
  shard_->set_deadline(connection, options_.login_answer_timeout_ms);
}

// The login's answer is the first packet that the channel gets; then come the pushes that waited.
void GatewayHandler::login_answered(Connection& connection, Channel& channel,
                                    const Delivery& delivery) {
  write_delivery(connection, delivery);
  if (!connection.open()) return;
  if (delivery.head.success == 0) {
    shard_->counters().add(Counter::kLoginsRefused);
    if (delivery.head.fault != 0) login_failed(channel, error_text(body_of_tail(delivery.tail)));
    shard_->finish(connection, CloseReason::kLoginRefused);
    return;
  }
  shard_->counters().add(Counter::kLogins);
  count_channel(connection, 1);
  channel.state = ChannelState::kLoggedIn;
  flush_waiting(connection, channel);
  if (!connection.open()) return;
  if (channel.kicked_out) {
    shard_->finish(connection, CloseReason::kKickedOut);
    return;
  }
  arm_token_expiry(connection, channel);
  shard_->release_input(connection);
}

void GatewayHandler::arm_token_expiry(Connection& connection, const Channel& channel) {
  const std::int64_t left_s =
      std::int64_t{channel.expires_at_s} + options_.token_grace_s - unix_now_s();
  const std::int64_t after_s = std::clamp<std::int64_t>(left_s, 0, kMaxDeadlineS);
  shard_->set_deadline(connection, static_cast<std::uint32_t>(after_s * 1000 + 1));
}

void GatewayHandler::token_deadline(Connection& connection, Channel& channel) {
  if (channel.state == ChannelState::kLoggingIn) {
    give_up_login(channel);
    login_failed(channel, "the login service did not answer in time");
    HeaderScan scan;
    scan.command = kCommandSignIn;
    scan.sequence = channel.login_sequence;
    answer(connection, scan, Status::kSystemException, "the login service did not answer in time");
    shard_->finish(connection, CloseReason::kLoginAnswerTimeout);
    return;
  }
  if (connection.saw_eof) {
    shard_->finish(connection, CloseReason::kPeerClosed);
  } else if (unix_now_s() >= std::int64_t{channel.expires_at_s} + options_.token_grace_s) {
    shard_->finish(connection, CloseReason::kTokenExpired);
  } else {
    arm_token_expiry(connection, channel);
  }
}

}  // namespace ringgate
