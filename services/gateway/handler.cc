#include "services/gateway/handler.h"

#include <algorithm>
#include <cstring>

#include "dataplane/check.h"

namespace ringgate {

GatewayHandler::GatewayHandler(const GatewayOptions& options)
    : options_(options),
      routes_(options_.routes),
      verifier_(options_.secrets, options_.max_login_body_bytes),
      services_(options_.routes),
      next_login_(options_.first_login) {}

void GatewayHandler::on_start(Shard& shard) {
  shard_ = &shard;
  upstreams_ = std::make_unique<Upstreams>(shard, options_.max_outstanding, options_.heartbeat_ms);
  shard_channels_.resize(shard.options().shards);
}

// --- Connections --------------------------------------------------------------------------------

void GatewayHandler::on_accept(Connection& connection) {
  if (draining_) {
    shard_->finish(connection, CloseReason::kDraining);
    return;
  }
  shard_->set_deadline(connection, options_.login_wait_ms);
}

void GatewayHandler::on_adopt(Connection& connection, const AdoptedFor& what) {
  const bool serves_all = what.lane == kNoLane;
  upstreams_->link_opened(connection, what, serves_all);
  rebuild_routes();
  const LinkEvent event{static_cast<std::uint32_t>(what.subject), what.lane, what.epoch,
                        CloseReason::kNone};
  shard_->mail_surely(shard_->control(), kMailLinkSeen, event);
  retry_signouts();
}

void GatewayHandler::on_adopt_refused(const AdoptedFor& what) {
  const LinkEvent event{static_cast<std::uint32_t>(what.subject), what.lane, what.epoch,
                        CloseReason::kTooManyLinks};
  shard_->mail_surely(shard_->control(), kMailLinkClosed, event);
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
  log_close(connection, reason, channel.account(options_.gateway_id));
  if (channel.state == ChannelState::kLoggedIn) count_channel(connection, -1);
  // After a kick-out the session belongs to the newer login already.
  connection.user = nullptr;
  const bool signs_out = reason != CloseReason::kKickedOut && !channel.kicked_out;
  if (signs_out && channel.outstanding > 0 && !draining_) {  // else there may be no time to wait
    sign_out_when_answered(channel);
    return;
  }
  if (signs_out) sign_out(channel);
  Channel::destroy(shard_->pool(), &channel);
}

// A client that only ended its side still gets its answers, for as long as a login's would take.
bool GatewayHandler::on_peer_end(Connection& connection) {
  const Channel* const channel = channel_of(connection);
  if (channel == nullptr || channel->outstanding == 0) return true;
  shard_->set_deadline(connection, options_.login_answer_timeout_ms);
  return false;
}

void GatewayHandler::count_channel(const Connection& connection, int by) {
  shard_->counters().change(Gauge::kChannels, by);
  if (connection.transport == Transport::kWebSocket) {
    shard_->counters().change(Gauge::kWebSocketChannels, by);
  }
}

void GatewayHandler::on_link_end(Connection& connection, CloseReason reason) {
  Upstream* const upstream = upstreams_->link_closed(connection, reason);
  if (upstream == nullptr) return;
  rebuild_routes();  // first: an answer may make a client send again at once
  fail_outstanding(*upstream);
}

void GatewayHandler::on_deadline(Connection& connection) {
  if (connection.role == Role::kLink) {
    upstreams_->send_heartbeat(connection);
    return;
  }
  Channel* const channel = channel_of(connection);
  if (channel == nullptr) {
    shard_->finish(connection, CloseReason::kLoginTimeout);
  } else {
    token_deadline(connection, *channel);
  }
}

// --- Packets of clients -------------------------------------------------------------------------

GatewayHandler::HeaderRead GatewayHandler::read_header(ByteView header, std::uint32_t max_metas,
                                                       HeaderScan& scan) {
  switch (scan_header(header, max_metas, scan)) {
    case ScanStatus::kCanonical:
      return HeaderRead::kFast;
    case ScanStatus::kTooManyMetas:
      return HeaderRead::kTooManyMetas;
    case ScanStatus::kNotCanonical:
      break;
  }
  scan = HeaderScan{};
  if (has_more_metas(header, max_metas)) return HeaderRead::kTooManyMetas;
  if (!slow_path_.parse(header, scan)) return HeaderRead::kBad;
  return scan.metas > max_metas ? HeaderRead::kTooManyMetas : HeaderRead::kSlow;
}

void GatewayHandler::on_client_packet(Connection& connection, ByteView payload) {
  const Packet packet = parse_packet(payload, options_.max_header_bytes);
  switch (packet.status) {
    case PacketStatus::kLogic:
      shard_->counters().add(Counter::kPacketsIn);
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
      shard_->finish(connection, CloseReason::kHeaderTooLong);
      return;
    case PacketStatus::kBadMagic:
    case PacketStatus::kBadLength:
      shard_->finish(connection, CloseReason::kBadPacket);
      return;
  }
}

// The shard answers plain pings itself; this is one with a body, which its pong echoes.
void GatewayHandler::on_basic(Connection& connection, const Packet& packet) {
  if (packet.code == kBasicPong) return;
  if (packet.code != kBasicPing) {
    shard_->finish(connection, CloseReason::kBadPacket);
    return;
  }
  shard_->counters().add(Counter::kPings);
  std::uint8_t* const to =
      shard_->reserve_frame(connection, Opcode::kBinary, kBasicHeadBytes + packet.body.size());
  if (to == nullptr) return;
  write_basic_packet(to, kBasicPong, packet.body);
}

// --- Requests whose answer does not come --------------------------------------------------------

void GatewayHandler::fail_outstanding(Upstream& upstream) {
  const std::size_t failed = upstream.outstanding.fail_all(
      [this](const OutstandingRequest& request) { answer_outstanding(request); });
  shard_->counters().add(Counter::kAnswersFailedByLink, failed);
  shard_->counters().change(Gauge::kOutstanding, -static_cast<std::int64_t>(failed));
}

void GatewayHandler::expire_outstanding() {
  upstreams_->for_each([this](Upstream& upstream) {
    const std::size_t expired = upstream.outstanding.expire(
        shard_->now_ms(), options_.answer_timeout_ms,
        [this](const OutstandingRequest& request) { answer_outstanding(request); });
    shard_->counters().add(Counter::kAnswerTimeouts, expired);
    upstream.given_up += static_cast<std::uint32_t>(expired);
    shard_->counters().change(Gauge::kOutstanding, -static_cast<std::int64_t>(expired));
    if (upstream.draining && !upstream.reported_drained && upstream.outstanding.size() == 0) {
      upstream.reported_drained = true;
      shard_->mail_surely(shard_->control(), kMailUpstreamDrained, upstream.id);
    }
  });
}

// --- Time, mail, control ------------------------------------------------------------------------

void GatewayHandler::on_tick() {
  expire_outstanding();
  if (!ended_early_order_.empty()) expire_ended_early();
  look_at_upstreams();
  if (!signouts_.empty()) retry_signouts();
  if (draining_) drain_some();
}

void GatewayHandler::on_mail(std::uint32_t from, MailKind kind, ByteView message) {
  switch (kind) {
    case kMailToLink:
      if (!upstreams_->take_to_link(from, message)) {
        keep_signout(message.subspan(sizeof(ToLinkHead)));
      }
      return;
    case kMailDeliver:
      take_delivery(message);
      return;
    case kMailRefused:
      take_refused(message);
      return;
    case kMailLinkUp:
      upstreams_->take_link_up(from, read_mail<LinkEvent>(message));
      rebuild_routes();
      shard_->mail_surely(shard_->control(), kMailLinkSeen, message);
      retry_signouts();
      return;
    case kMailLinkDown:
      if (Upstream* const upstream = upstreams_->take_link_down(read_mail<LinkEvent>(message))) {
        rebuild_routes();
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
      draining_ = true;
      drain_ = read_mail<DrainMail>(message);
      shard_->stop_accepting();
      return;
    default:
      RINGGATE_CHECK(false && "mail of an unknown kind");
  }
}

void GatewayHandler::take_catalogue(const Catalogue* catalogue) {
  for (const CatalogueEntry& entry : catalogue->entries) {
    Upstream& upstream = upstreams_->open(entry.upstream);
    upstream.draining = entry.draining;
    upstream.max_frame_bytes = entry.max_frame_bytes;
    upstream.may_be_pinged = entry.may_be_pinged;
  }
  catalogue_ = catalogue;
  rebuild_routes();
  shard_->mail_surely(shard_->control(), kMailCatalogueTaken,
                      CatalogueTakenMail{catalogue->version});
}

// Takes effect at once, for what is under way too; deadlines that are armed stay.
void GatewayHandler::reconfigure(const GatewaySettings& settings) {
  options_ = settings.options;
  verifier_ = TokenVerifier(options_.secrets, options_.max_login_body_bytes);
  shard_->reconfigure(settings.shard, settings.upgrades);
}

void GatewayHandler::rebuild_routes() {
  if (catalogue_ != nullptr) routes_.rebuild(*catalogue_, *upstreams_);
}

void GatewayHandler::retire(std::uint32_t id) {
  Upstream* const upstream = upstreams_->find(id);
  if (upstream == nullptr) return;
  upstream->up = false;
  rebuild_routes();
  fail_outstanding(*upstream);
  upstreams_->retire(id);
}

// Tells clients at the configured pace; each connection's end then forwards its sign-out.
void GatewayHandler::drain_some() {
  drain_.credit_millionths += drain_.thousandths_per_second * shard_->options().sweep_ms;
  std::uint64_t left = drain_.credit_millionths / kDrainCredit;
  drain_.credit_millionths %= kDrainCredit;
  ConnectionTable& table = shard_->table();
  for (std::uint32_t slot = 0; slot < table.client_high_water() && left > 0; ++slot) {
    Connection* const connection = table.at(slot);
    if (connection == nullptr || !connection->open()) continue;
    shard_->finish(*connection, CloseReason::kDraining);
    --left;
  }
  report_drained();
}

void GatewayHandler::report_drained() {
  if (reported_drained_ || shard_->table().clients() > 0) return;
  if (!signouts_.empty() || !ended_early_.empty()) return;
  bool busy = false;
  upstreams_->for_each([&busy](const Upstream& upstream) {
    busy = busy || upstream.outstanding.size() > 0 ||
           (upstream.link != nullptr && !upstream.link->output.empty());
  });
  if (busy) return;
  reported_drained_ = true;
  shard_->mail_surely(shard_->control(), kMailDrained, shard_->index());
}

// Ends that somebody has to know of are logged by control; the message may be lost in a flood.
void GatewayHandler::log_close(const Connection& connection, CloseReason reason,
                               std::string_view account) {
  if (reason != CloseReason::kSlowConsumer && reason != CloseReason::kWriteTimeout) return;
  std::uint8_t* const room = shard_->mail(shard_->control(), kMailLogClose, sizeof(LogCloseMail));
  if (room == nullptr) return;
  LogCloseMail mail{};
  mail.reason = reason;
  mail.peer = connection.peer;
  mail.account_bytes = static_cast<std::uint8_t>(std::min(account.size(), mail.account.size()));
  std::memcpy(mail.account.data(), account.data(), mail.account_bytes);
  std::memcpy(room, &mail, sizeof mail);
}

}  // namespace ringgate
