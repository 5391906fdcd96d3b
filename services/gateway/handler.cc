#include "services/gateway/handler.h"

#include <algorithm>
#include <cstring>

#include "dataplane/check.h"

namespace ringgate {

GatewayHandler::GatewayHandler(const GatewayOptions& options)
    : at_start_(options),
      counters_(at_start_.routes),
      verifier_(at_start_.secrets, at_start_.max_login_body_bytes),
      next_login_(at_start_.first_login) {}

GatewayHandler::OnShard::OnShard(Shard& shard, GatewayHandler& handler)
    : context(shard, handler.at_start_, handler.counters_), requests(context), signouts(context) {}

void GatewayHandler::on_start(Shard& shard) {
  on_shard_ = std::make_unique<OnShard>(shard, *this);
  context_ = &on_shard_->context;
  shard_channels_.resize(shard.options().shards);
}

// --- Connections --------------------------------------------------------------------------------

void GatewayHandler::on_accept(Connection& connection) {
  if (context_->draining) {
    context_->shard.finish(connection, CloseReason::kDraining);
    return;
  }
  context_->shard.set_deadline(connection, context_->options.login_wait_ms);
}

void GatewayHandler::on_adopt(Connection& connection, const AdoptedFor& what) {
  const bool serves_all = what.lane == kNoLane;
  context_->upstreams.link_opened(connection, what, serves_all);
  context_->rebuild_routes();
  const LinkEvent event{static_cast<std::uint32_t>(what.subject), what.lane, what.epoch,
                        CloseReason::kNone};
  context_->shard.mail_surely(context_->shard.control(), kMailLinkSeen, event);
  on_shard_->signouts.retry();
}

void GatewayHandler::on_adopt_refused(const AdoptedFor& what) {
  const LinkEvent event{static_cast<std::uint32_t>(what.subject), what.lane, what.epoch,
                        CloseReason::kTooManyLinks};
  context_->shard.mail_surely(context_->shard.control(), kMailLinkClosed, event);
}

void GatewayHandler::on_packet(Connection& connection, ByteView payload) {
  if (connection.role == Role::kClient) {
    on_client_packet(connection, payload);
  } else {
    on_link_packet(connection, payload);
  }
}

void GatewayHandler::on_close(Connection& connection, CloseReason reason) {
  if (connection.role == Role::kLink) {
    on_link_end(connection, reason);
  } else if (Channel* const channel = channel_of(connection); channel != nullptr) {
    on_channel_end(connection, *channel, reason);
  } else {
    log_close(connection, reason, {});
  }
}

void GatewayHandler::on_channel_end(Connection& connection, Channel& channel, CloseReason reason) {
  log_close(connection, reason, channel.account(context_->options.gateway_id));
  if (channel.state == ChannelState::kLoggedIn) count_channel(connection, -1);
  // After a kick-out the session belongs to the newer login already.
  connection.user = nullptr;
  const bool signs_out = reason != CloseReason::kKickedOut && !channel.kicked_out;
  if (signs_out && channel.outstanding > 0 &&
      !context_->draining) {  // else there may be no time to wait
    on_shard_->signouts.sign_out_when_answered(channel);
    return;
  }
  if (signs_out) on_shard_->signouts.sign_out(channel);
  Channel::destroy(context_->shard.pool(), &channel);
}

// A client that only ended its side still gets its answers, for as long as a login's would take.
bool GatewayHandler::on_peer_end(Connection& connection) {
  const Channel* const channel = channel_of(connection);
  if (channel == nullptr || channel->outstanding == 0) return true;
  context_->shard.set_deadline(connection, context_->options.login_answer_timeout_ms);
  return false;
}

void GatewayHandler::count_channel(const Connection& connection, int by) {
  context_->shard.counters().change(Gauge::kChannels, by);
  if (connection.transport == Transport::kWebSocket) {
    context_->shard.counters().change(Gauge::kWebSocketChannels, by);
  }
}

void GatewayHandler::on_link_end(Connection& connection, CloseReason reason) {
  Upstream* const upstream = context_->upstreams.link_closed(connection, reason);
  if (upstream == nullptr) return;
  context_->rebuild_routes();  // first: an answer may make a client send again at once
  fail_outstanding(*upstream);
}

void GatewayHandler::on_deadline(Connection& connection) {
  if (connection.role == Role::kLink) {
    context_->upstreams.send_heartbeat(connection);
    return;
  }
  Channel* const channel = channel_of(connection);
  if (channel == nullptr) {
    context_->shard.finish(connection, CloseReason::kLoginTimeout);
  } else {
    token_deadline(connection, *channel);
  }
}

// --- Packets of clients -------------------------------------------------------------------------

void GatewayHandler::on_client_packet(Connection& connection, ByteView payload) {
  const Packet packet = parse_packet(payload, context_->options.max_header_bytes);
  switch (packet.status) {
    case PacketStatus::kLogic:
      context_->count(Counter::kPacketsIn);
      if (Channel* const channel = channel_of(connection); channel != nullptr) {
        forward(connection, *channel, packet);
      } else {
        login(connection, packet);
      }
      return;
    case PacketStatus::kBasic:
      on_basic(connection, packet);
      return;
    case PacketStatus::kHeaderTooLong:
      context_->shard.finish(connection, CloseReason::kHeaderTooLong);
      return;
    case PacketStatus::kBadMagic:
    case PacketStatus::kBadLength:
      context_->shard.finish(connection, CloseReason::kBadPacket);
      return;
  }
}

// The shard answers plain pings itself; this is one with a body, which its pong echoes.
void GatewayHandler::on_basic(Connection& connection, const Packet& packet) {
  if (packet.code == kBasicPong) return;
  if (packet.code != kBasicPing) {
    context_->shard.finish(connection, CloseReason::kBadPacket);
    return;
  }
  context_->count(Counter::kPings);
  std::uint8_t* const to = context_->shard.reserve_frame(connection, Opcode::kBinary,
                                                         kBasicHeadBytes + packet.body.size());
  if (to == nullptr) return;
  write_basic_packet(to, kBasicPong, packet.body);
}

// --- Requests whose answer does not come --------------------------------------------------------

void GatewayHandler::fail_outstanding(Upstream& upstream) {
  const std::size_t failed = upstream.outstanding.fail_all(
      [this](const OutstandingRequest& request) { answer_outstanding(request); });
  context_->count(Counter::kAnswersFailedByLink, failed);
  context_->shard.counters().change(Gauge::kOutstanding, -static_cast<std::int64_t>(failed));
}

void GatewayHandler::expire_outstanding() {
  context_->upstreams.for_each([this](Upstream& upstream) {
    const std::size_t expired = upstream.outstanding.expire(
        context_->shard.now_ms(), context_->options.answer_timeout_ms,
        [this](const OutstandingRequest& request) { answer_outstanding(request); });
    context_->count(Counter::kAnswerTimeouts, expired);
    upstream.given_up += static_cast<std::uint32_t>(expired);
    context_->shard.counters().change(Gauge::kOutstanding, -static_cast<std::int64_t>(expired));
    if (upstream.draining && !upstream.reported_drained && upstream.outstanding.size() == 0) {
      upstream.reported_drained = true;
      context_->shard.mail_surely(context_->shard.control(), kMailUpstreamDrained, upstream.id);
    }
  });
}

// --- Time, mail, control ------------------------------------------------------------------------

void GatewayHandler::on_tick() {
  expire_outstanding();
  look_at_upstreams();
  on_shard_->signouts.on_tick();
  if (context_->draining) drain_some();
}

void GatewayHandler::on_mail(std::uint32_t from, MailKind kind, ByteView message) {
  switch (kind) {
    case kMailToLink:
      context_->upstreams.take_to_link(from, message);
      return;
    case kMailSignout:
      on_shard_->signouts.take(message);
      return;
    case kMailDeliver:
      take_delivery(message);
      return;
    case kMailRefused:
      take_refused(message);
      return;
    case kMailLinkUp:
      context_->upstreams.take_link_up(from, read_mail<LinkEvent>(message));
      context_->rebuild_routes();
      context_->shard.mail_surely(context_->shard.control(), kMailLinkSeen, message);
      on_shard_->signouts.retry();
      return;
    case kMailLinkDown:
      if (Upstream* const upstream =
              context_->upstreams.take_link_down(read_mail<LinkEvent>(message))) {
        context_->rebuild_routes();
        fail_outstanding(*upstream);
      }
      return;
    case kMailLinkSilent:
      take_silent(read_mail<LinkSilent>(message));
      return;
    case kMailCatalogue:
      take_catalogue(read_mail<CatalogueMail>(message).catalogue);
      return;
    case kMailRetire:
      retire(read_mail<std::uint32_t>(message));
      return;
    case kMailReconfigure:
      reconfigure(*read_mail<ReconfigureMail>(message).settings);
      return;
    case kMailInspect:
      inspect(read_mail<InspectMail>(message));
      return;
    case kMailDrain:
      context_->draining = true;
      drain_ = read_mail<DrainMail>(message);
      context_->shard.stop_accepting();
      return;
    default:
      RINGGATE_CHECK(false && "mail of an unknown kind");
  }
}

void GatewayHandler::take_catalogue(const Catalogue* catalogue) {
  for (const CatalogueEntry& entry : catalogue->entries) {
    Upstream& upstream = context_->upstreams.open(entry.upstream);
    upstream.draining = entry.draining;
    upstream.max_frame_bytes = entry.max_frame_bytes;
    upstream.may_be_pinged = entry.may_be_pinged;
  }
  context_->catalogue = catalogue;
  context_->rebuild_routes();
  context_->shard.mail_surely(context_->shard.control(), kMailCatalogueTaken,
                              CatalogueTakenMail{catalogue->version});
}

// Takes effect at once, for what is under way too; deadlines that are armed stay.
void GatewayHandler::reconfigure(const GatewaySettings& settings) {
  context_->options = settings.options;
  verifier_ = TokenVerifier(context_->options.secrets, context_->options.max_login_body_bytes);
  context_->shard.reconfigure(settings.shard, settings.upgrades);
}

void GatewayHandler::retire(std::uint32_t id) {
  Upstream* const upstream = context_->upstreams.find(id);
  if (upstream == nullptr) return;
  upstream->up = false;
  context_->rebuild_routes();
  fail_outstanding(*upstream);
  context_->upstreams.retire(id);
}

// Tells clients at the configured pace; each connection's end then forwards its sign-out.
void GatewayHandler::drain_some() {
  drain_.credit_millionths += drain_.thousandths_per_second * context_->shard.options().sweep_ms;
  std::uint64_t left = drain_.credit_millionths / kDrainCredit;
  drain_.credit_millionths %= kDrainCredit;
  ConnectionTable& table = context_->shard.table();
  for (std::uint32_t slot = 0; slot < table.client_high_water() && left > 0; ++slot) {
    Connection* const connection = table.at(slot);
    if (connection == nullptr || !connection->open()) continue;
    context_->shard.finish(*connection, CloseReason::kDraining);
    --left;
  }
  report_drained();
}

void GatewayHandler::report_drained() {
  if (reported_drained_ || context_->shard.table().clients() > 0) return;
  if (!on_shard_->signouts.none_waits()) return;
  bool busy = false;
  context_->upstreams.for_each([&busy](const Upstream& upstream) {
    busy = busy || upstream.outstanding.size() > 0 ||
           (upstream.link != nullptr && !upstream.link->output.empty());
  });
  if (busy) return;
  reported_drained_ = true;
  context_->shard.mail_surely(context_->shard.control(), kMailDrained, context_->shard.index());
}

// Ends that somebody has to know of are logged by control; the message may be lost in a flood.
void GatewayHandler::log_close(const Connection& connection, CloseReason reason,
                               std::string_view account) {
  if (reason != CloseReason::kSlowConsumer && reason != CloseReason::kWriteTimeout) return;
  std::uint8_t* const room =
      context_->shard.mail(context_->shard.control(), kMailLogClose, sizeof(LogCloseMail));
  if (room == nullptr) return;
  LogCloseMail mail{};
  mail.reason = reason;
  mail.peer = connection.peer;
  mail.account_bytes = static_cast<std::uint8_t>(std::min(account.size(), mail.account.size()));
  std::memcpy(mail.account.data(), account.data(), mail.account_bytes);
  std::memcpy(room, &mail, sizeof mail);
}

}  // namespace ringgate
