#include "services/gateway/parts/logins.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <limits>
#include <new>

#include "codec/error_body.h"
#include "codec/pkt.pb.h"
#include "control/routing/selector.h"
#include "services/gateway/mail.h"
#include "services/gateway/parts/kickout.h"

namespace ringgate {
namespace {

std::int64_t unix_now_s() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

// Of failed logins so many are told in a moment: enough to see that several accounts are concerned.
constexpr std::uint32_t kMomentMs = 10;
constexpr std::uint32_t kToldInAMoment = 8;

// A deadline's reach is 24 days; a token that lives longer is looked at again.
constexpr std::int64_t kMaxDeadlineS = 7 * 24 * 3600;

// The least that the number of a login may be that comes now, at any gateway: by that services know
// the newer one of two channels, also where their store has lost its data. 16 us of the wall clock
// since 2026: more logins than one in such a time no shard can make for long, and the 45 bits that
// an id has for it last until 2043.
std::uint64_t login_number_now() {
  constexpr std::int64_t kFirstUs = 1'767'225'600'000'000;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  return us <= kFirstUs ? 0 : static_cast<std::uint64_t>(us - kFirstUs) / 16;
}

}  // namespace

Logins::Logins(GatewayContext& context, Requests& requests, Admission& admission)
    : context_(context),
      requests_(requests),
      admission_(admission),
      verifier_(context.options.secrets, context.options.max_login_body_bytes),
      next_login_(context.options.first_login) {}

void Logins::reconfigure() {
  verifier_ = TokenVerifier(context_.options.secrets, context_.options.max_login_body_bytes);
}

void Logins::login(Connection& connection, const Packet& packet) {
  Requests::Header header;
  if (!requests_.read(connection, packet, header)) return;
  const HeaderScan& scan = header.scan;
  if (scan.command != kCommandSignIn || scan.flag != static_cast<std::uint32_t>(Flag::kRequest)) {
    context_.count(GatewayCounter::kRefusedCommands);
    requests_.answer(connection, scan, Status::kInvalidCommand, "log in first");
    context_.shard.finish(connection, GatewayClose::kNotALogin);
    return;
  }
  if (!may_come_in(connection, scan)) return;
  LoginScan request;
  if (const std::string_view wrong = read_body(packet.body, request); !wrong.empty()) {
    context_.count(GatewayCounter::kLoginBodiesRefused);
    refuse(connection, scan, Status::kInvalidPacketBody, GatewayClose::kLoginRefused, wrong);
    return;
  }
  TokenClaims claims;
  const TokenStatus status = verifier_.verify(request.token, unix_now_s(), claims);
  if (status != TokenStatus::kOk) {
    refuse(connection, scan, Status::kUnauthorized, GatewayClose::kLoginRefused, describe(status),
           claims);
    return;
  }
  const Admission::Login login = admission_.may_log_in(claims.app, claims.account);
  if (login != Admission::Login::kMay) {
    refuse(connection, scan, Status::kSystemException, GatewayClose::kLoginsTooOften,
           login == Admission::Login::kTooManyOfAll
               ? "too many log in at the moment; try again later"
               : "this account logs in too often; try again later",
           claims);
    return;
  }
  pkt::Session session;
  session.set_account(claims.account);
  session.set_app(claims.app);
  session.set_zone(request.zone.data(), request.zone.size());
  session.set_isp(request.isp.data(), request.isp.size());
  for (const std::string_view tag : request.tags()) session.add_tags(tag.data(), tag.size());
  session.set_gateid(context_.options.gateway_id);
  session.set_remoteip(connection.peer.ip());
  session.set_channelid(make_channel_id(context_.options.gateway_id, claims.account,
                                        context_.options.nonce, context_.shard.index(),
                                        connection.slot, new_login()));
  forward(connection, packet, header, claims, session);
}

// In mail and in tables the low half of its number stands for it; 0 there is nobody's. It is that
// of the channel, if there will be one.
std::uint64_t Logins::new_login() {
  next_login_ = std::max(next_login_, login_number_now());
  if (static_cast<std::uint32_t>(next_login_) == 0) ++next_login_;
  return next_login_;
}

// Empty: it is good. The token has not been looked at yet, so this has to cost next to nothing.
// By its address, which the accept has not known where a proxy is between.
bool Logins::may_come_in(Connection& connection, const HeaderScan& scan) {
  if (admission_.refuses_login(connection.peer)) {
    context_.shard.finish(connection, GatewayClose::kAddressRefused);
    return false;
  }
  if (admission_.may_ask(connection.peer)) return true;
  refuse(connection, scan, Status::kSystemException, GatewayClose::kLoginsTooOften,
         "too many log in from this address; try again later");
  return false;
}

std::string_view Logins::read_body(ByteView body, LoginScan& request) const {
  if (body.size() > context_.options.max_login_body_bytes)
    return "the body is longer than a login may be";
  switch (scan_login(body, context_.options.max_login_tags, request)) {
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

void Logins::refuse(Connection& connection, const HeaderScan& scan, Status status,
                    CloseReason reason, std::string_view text, const TokenClaims& claims) {
  context_.count(GatewayCounter::kLoginsRefused);
  context_.teller.tell(connection, {.event = LogEvent::kLoginRefused,
                                    .account = claims.account,
                                    .app = claims.app,
                                    .why = text,
                                    .reason = reason});
  context_.recorder.will_close_for(text, claims.account, claims.app);
  requests_.answer(connection, scan, status, text);
  context_.shard.finish(connection, reason);
  context_.recorder.will_close_for({});
}

void Logins::forward(Connection& connection, const Packet& packet, const Requests::Header& header,
                     const TokenClaims& claims, const pkt::Session& session) {
  const HeaderScan& scan = header.scan;
  const ClientIdentity identity{session.channelid(), claims.app, claims.account,
                                context_.options.gateway_id};
  const SelectionKey key{crc32_ieee(identity.channel_id), identity.account, identity.app};
  const Requests::Chosen to = requests_.route("login", key);
  if (to.upstream == nullptr) {
    refuse(connection, scan, Status::kSystemException, GatewayClose::kNoLoginService,
           "no login service is connected; try again", claims);
    return;
  }
  Requests::Prepared prepared;
  if (!requests_.prepare(connection, packet, header, identity, prepared)) return;
  session_.assign(kBodyLengthBytes, '\0');
  session.AppendToString(&session_);
  write_body_length(reinterpret_cast<std::uint8_t*>(session_.data()),
                    session_.size() - kBodyLengthBytes);

  // The channel is there before its login is forwarded, so that the answer always finds it.
  Channel* const made = make_channel(identity, scan, claims);
  if (made == nullptr) {
    refuse(connection, scan, Status::kSystemException, CloseReason::kNoMemory,
           "the gateway has no memory left; try again later", claims);
    return;
  }
  Channel& channel = *made;
  const OutstandingRequest request{connection.slot, channel.login, scan.sequence, kCommandSignIn};
  const SendStatus status =
      requests_.send(to, request, prepared, channel.suffix(), as_bytes(session_));
  if (status != SendStatus::kOk) {
    failed(channel, "the login service cannot take more");
    Channel::destroy(context_.shard.pool(), &channel);
    refuse(connection, scan, Status::kSystemException, GatewayClose::kNoLoginService,
           Requests::describe_refusal(status), claims);
    return;
  }
  connection.set_user(channel);
  context_.recorder.login_asked(channel, connection.slot, to.upstream->id);
  context_.shard.hold_input(connection);
  context_.shard.set_deadline(connection, context_.options.login_answer_timeout_ms);
}

// Null: there is no memory for it.
Channel* Logins::make_channel(const ClientIdentity& identity, const HeaderScan& scan,
                              const TokenClaims& claims) {
  Channel* const made = Channel::create(context_.shard.pool(), identity);
  if (made == nullptr) return nullptr;
  Channel& channel = *made;
  channel.login = static_cast<std::uint32_t>(next_login_++);
  channel.login_sequence = scan.sequence;
  channel.expires_at_s = static_cast<std::uint32_t>(
      std::min<std::int64_t>(claims.expires_at_s, std::numeric_limits<std::uint32_t>::max()));
  return made;
}

void Logins::take(Connection& connection, Channel& channel, const Delivery& delivery,
                  std::uint32_t took_us) {
  if (delivery.is_response() && delivery.head.is_signin != 0 &&
      delivery.head.sequence == channel.login_sequence) {
    answered(connection, channel, delivery, took_us);
  } else {
    keep_waiting(connection, channel, delivery);
  }
}

// The login's answer is the first packet that the channel gets; then come the pushes that waited.
void Logins::answered(Connection& connection, Channel& channel, const Delivery& delivery,
                      std::uint32_t took_us) {
  write_delivery(context_, connection, delivery);
  if (!connection.open()) return;
  if (delivery.head.success == 0) {
    context_.count(GatewayCounter::kLoginsRefused);
    const std::string_view why = error_text(body_of_tail(delivery.tail));
    if (delivery.head.fault != 0) failed(channel, why);
    context_.teller.tell(
        connection, channel,
        {.event = LogEvent::kLoginRefused, .why = why, .reason = GatewayClose::kLoginRefused});
    context_.recorder.add(channel, {EventKind::kLoginRefused, EventWhy::kNone, took_us,
                                    delivery.head.upstream, delivery.head.status});
    context_.shard.finish(connection, GatewayClose::kLoginRefused);
    return;
  }
  context_.count(GatewayCounter::kLogins);
  context_.shard.counters().record(GatewayDistribution::kLogin, took_us);
  count(connection, 1);
  context_.recorder.logged_in(channel, took_us, delivery.head.upstream);
  channel.state = ChannelState::kLoggedIn;
  context_.teller.tell(connection, channel, {.event = LogEvent::kLogin, .took_us = took_us});
  flush_waiting(connection, channel);
  if (!connection.open()) return;
  if (channel.kicked_out) {
    end_kicked_out(context_, connection);
    if (connection.open()) context_.shard.release_input(connection);
    return;
  }
  arm_token_expiry(connection, channel);
  context_.shard.release_input(connection);
}

void Logins::arm_token_expiry(Connection& connection, const Channel& channel) {
  const std::int64_t left_s =
      std::int64_t{channel.expires_at_s} + context_.options.token_grace_s - unix_now_s();
  const std::int64_t after_s = std::clamp<std::int64_t>(left_s, 0, kMaxDeadlineS);
  context_.shard.set_deadline(connection, static_cast<std::uint32_t>(after_s * 1000 + 1));
}

void Logins::on_deadline(Connection& connection) {
  const Channel* const channel = channel_of(connection);
  if (channel == nullptr) {
    context_.shard.finish(connection, GatewayClose::kLoginTimeout);
  } else if (channel->kicked_out) {
    context_.shard.finish(connection, GatewayClose::kKickedOut);
  } else if (channel->state == ChannelState::kLoggingIn) {
    time_out(connection, *channel);
  } else if (connection.saw_eof) {
    context_.shard.finish(connection, CloseReason::kPeerClosed);
  } else if (unix_now_s() >= std::int64_t{channel->expires_at_s} + context_.options.token_grace_s) {
    context_.shard.finish(connection, GatewayClose::kTokenExpired);
  } else {
    arm_token_expiry(connection, *channel);
  }
}

void Logins::time_out(Connection& connection, const Channel& channel) {
  constexpr std::string_view kWhy = "the login service did not answer in time";
  give_up(channel);
  failed(channel, kWhy);
  HeaderScan scan;
  scan.command = kCommandSignIn;
  scan.sequence = channel.login_sequence;
  requests_.answer(connection, scan, Status::kSystemException, kWhy);
  context_.shard.finish(connection, GatewayClose::kLoginAnswerTimeout);
}

void Logins::unanswered(Connection& connection, const Channel& channel) {
  failed(channel, "the login service did not answer");
  context_.shard.finish(connection, GatewayClose::kNoLoginService);
}

void Logins::ended(const Connection& connection, const Channel& channel) {
  if (channel.state == ChannelState::kLoggedIn) count(connection, -1);
}

void Logins::count(const Connection& connection, int by) {
  context_.shard.counters().change(GatewayGauge::kChannels, by);
  if (connection.transport == Transport::kWebSocket) {
    context_.shard.counters().change(GatewayGauge::kWebSocketChannels, by);
  }
}

// A push for a channel whose login is not answered yet.
void Logins::keep_waiting(Connection& connection, Channel& channel, const Delivery& delivery) {
  BlockPool& pool = context_.shard.pool();
  if (channel.waiting == nullptr) {
    channel.waiting = new (pool.take(sizeof(Carry)).data) Carry;
  }
  const std::size_t payload_bytes = delivery.bytes();
  const std::size_t bytes = frame_head_bytes(connection.transport, payload_bytes) + payload_bytes;
  if (channel.waiting->size + bytes > context_.options.max_waiting_push_bytes) {
    context_.recorder.add(channel, push_event(EventKind::kPushDropped, delivery));
    context_.shard.abort(connection, CloseReason::kSlowConsumer);
    return;
  }
  const Block framed = pool.try_take(bytes);
  if (framed.data == nullptr) return context_.shard.abort(connection, CloseReason::kNoMemory);
  std::uint8_t* const to =
      write_frame_head(framed.data, connection.transport, Opcode::kBinary, payload_bytes);
  write_push_packet(to, delivery.header, delivery.tail);
  const bool is_kept = channel.waiting->append(pool, {framed.data, bytes});
  pool.give(framed);
  if (!is_kept) return context_.shard.abort(connection, CloseReason::kNoMemory);
  context_.recorder.add(channel, push_event(EventKind::kPushWaits, delivery));
}

void Logins::flush_waiting(Connection& connection, Channel& channel) {
  if (channel.waiting == nullptr || channel.waiting->size == 0) return;
  const ByteView frames = channel.waiting->view();
  context_.recorder.will_push({EventKind::kPushed, static_cast<std::uint8_t>(kOtherCommand),
                               static_cast<std::uint32_t>(frames.size())});
  std::uint8_t* const to = context_.shard.reserve(connection, frames.size());
  if (to == nullptr) return;  // the connection is closed, and the channel with it
  std::memcpy(to, frames.data(), frames.size());
  channel.waiting->clear(context_.shard.pool());
  context_.recorder.pushed(connection, channel);
}

// A login whose answer has not come in time. Nobody waits for it any more.
void Logins::give_up(const Channel& channel) {
  context_.upstreams.for_each([&](Upstream& upstream) {
    OutstandingRequest request;
    if (!upstream.outstanding.take(channel.login, channel.login_sequence, request)) return;
    ++upstream.given_up;
    context_.shard.counters().change(GatewayGauge::kOutstanding, -1);
  });
}

// For /ready, which wants to know why. The mail may be lost in a flood: there are more like it.
void Logins::failed(const Channel& channel, std::string_view why) {
  context_.count(GatewayCounter::kLoginsFailed);
  if (context_.shard.now_ms() - failed_told_ms_ >= kMomentMs) {
    failed_told_ms_ = context_.shard.now_ms();
    failed_told_ = 0;
  }
  if (failed_told_ == kToldInAMoment) return;
  ++failed_told_;
  LoginFailedMail mail{};
  mail.account_crc = crc32_ieee(channel.account(context_.options.gateway_id));
  mail.text_bytes = static_cast<std::uint8_t>(std::min(why.size(), mail.text.size()));
  std::memcpy(mail.text.data(), why.data(), mail.text_bytes);
  context_.shard.mail(context_.shard.control(), kMailLoginFailed, mail);
}

}  // namespace ringgate
