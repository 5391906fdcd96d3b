#include "services/gateway/handler.h"

#include "dataplane/check.h"
#include "services/gateway/channel.h"

namespace ringgate {

GatewayHandler::GatewayHandler(const GatewayOptions& options)
    : at_start_(options), counters_(at_start_) {}

GatewayHandler::~GatewayHandler() = default;

GatewayHandler::OnShard::OnShard(Shard& shard, GatewayHandler& handler)
    : context(shard, handler.at_start_, handler.counters_),
      requests(context),
      admission(context),
      memory_budget(context, admission),
      signouts(context),
      ejector(context, signouts),
      logins(context, requests, admission),
      forwarding(context, requests, logins, signouts),
      roll_call(context),
      deliveries(context, logins, forwarding, signouts, roll_call),
      drain(context, signouts),
      evacuation(context),
      inspector(context) {}

void GatewayHandler::on_start(Shard& shard) {
  on_shard_ = std::make_unique<OnShard>(shard, *this);
}

// --- Connections --------------------------------------------------------------------------------

void GatewayHandler::on_accept(Connection& connection) {
  GatewayContext& context = on_shard_->context;
  if (on_shard_->admission.refuses(connection.peer)) {
    context.shard.abort(connection, GatewayClose::kAddressRefused);
    return;
  }
  if (!on_shard_->memory_budget.accepted(connection)) return;
  context.shard.set_deadline(connection, context.options.login_wait_ms);
  context.teller.tell(connection, {.event = LogEvent::kAccepted});
  on_shard_->admission.accepted(connection);
}

void GatewayHandler::on_adopt(Connection& connection, const AdoptedFor& what) {
  const bool serves_all = what.lane == kNoLane;
  on_shard_->context.upstreams.link_opened(connection, what, serves_all);
  tell_control(kMailLinkSeen, what, CloseReason::kNone);
  link_is_up();
}

void GatewayHandler::on_adopt_refused(const AdoptedFor& what) {
  tell_control(kMailLinkClosed, what, CloseReason::kTooManyLinks);
}

void GatewayHandler::tell_control(MailOf<LinkEvent> kind, const AdoptedFor& what,
                                  CloseReason reason) {
  Shard& shard = on_shard_->context.shard;
  const LinkEvent event{static_cast<std::uint32_t>(what.subject), what.lane, what.epoch, reason};
  shard.mail_surely(shard.control(), kind, event);
}

void GatewayHandler::on_packet(Connection& connection, ByteView payload) {
  if (connection.role == Role::kClient) {
    on_client_packet(connection, payload);
  } else {
    on_shard_->deliveries.on_link_packet(connection, payload);
  }
}

void GatewayHandler::on_close(Connection& connection, CloseReason reason) {
  if (connection.role == Role::kLink) {
    Upstream* const upstream = on_shard_->context.upstreams.link_closed(connection, reason);
    if (upstream != nullptr) link_is_down(*upstream);
  } else if (Channel* const channel = channel_of(connection); channel != nullptr) {
    on_channel_end(connection, *channel, reason);
  } else {
    on_shard_->context.teller.closed(connection, nullptr, reason);
    on_shard_->context.recorder.ended(connection, nullptr, reason);
  }
}

void GatewayHandler::on_sent(Connection& connection) {
  if (Channel* const channel = channel_of(connection); channel != nullptr) {
    if (!on_shard_->deliveries.on_sent(connection, *channel)) {
      on_shard_->context.recorder.sent(*channel);
    }
  }
}

void GatewayHandler::on_channel_end(Connection& connection, Channel& channel, CloseReason reason) {
  on_shard_->context.teller.closed(connection, &channel, reason);
  on_shard_->context.recorder.ended(connection, &channel, reason);
  on_shard_->logins.ended(connection, channel);
  on_shard_->deliveries.ended(connection);
  connection.forget_user();
  // After a kick-out the session belongs to the newer login already.
  if (reason == GatewayClose::kKickedOut || channel.kicked_out) {
    Channel::destroy(on_shard_->context.shard.pool(), &channel);
  } else {
    on_shard_->signouts.sign_out(channel);
  }
}

bool GatewayHandler::on_peer_end(Connection& connection) {
  return on_shard_->forwarding.on_peer_end(connection);
}

void GatewayHandler::on_deadline(Connection& connection) {
  if (connection.role == Role::kLink) {
    on_shard_->context.upstreams.send_heartbeat(connection);
  } else {
    on_shard_->logins.on_deadline(connection);
  }
}

// --- Packets of clients -------------------------------------------------------------------------

void GatewayHandler::on_client_packet(Connection& connection, ByteView payload) {
  GatewayContext& context = on_shard_->context;
  const Packet packet = parse_packet(payload, context.options.max_header_bytes);
  switch (packet.status) {
    case PacketStatus::kLogic:
      context.count(GatewayCounter::kPacketsIn);
      if (Channel* const channel = channel_of(connection); channel != nullptr) {
        on_shard_->forwarding.forward(connection, *channel, packet);
      } else {
        on_shard_->logins.login(connection, packet);
      }
      return;
    case PacketStatus::kBasic:
      on_basic(connection, packet);
      return;
    case PacketStatus::kHeaderTooLong:
      context.shard.finish(connection, GatewayClose::kHeaderTooLong);
      return;
    case PacketStatus::kBadMagic:
    case PacketStatus::kBadLength:
      context.shard.finish(connection, GatewayClose::kBadPacket);
      return;
  }
}

// The shard answers plain pings itself; this is one with a body, which its pong echoes.
void GatewayHandler::on_basic(Connection& connection, const Packet& packet) {
  if (packet.code == kBasicPong) return;
  if (packet.code != kBasicPing) {
    on_shard_->context.shard.finish(connection, GatewayClose::kBadPacket);
    return;
  }
  on_shard_->context.count(Counter::kPings);
  connection.count_ping();
  std::uint8_t* const to = on_shard_->context.shard.reserve_frame(
      connection, Opcode::kBinary, kBasicHeadBytes + packet.body.size(), Why::kAsked);
  if (to == nullptr) return;
  write_basic_packet(to, kBasicPong, packet.body);
}

// --- Links --------------------------------------------------------------------------------------

void GatewayHandler::link_is_up() {
  on_shard_->context.rebuild_routes();
  on_shard_->roll_call
      .beat_now();  // first: a login that comes before is on a boot that is not there
  on_shard_->signouts.retry();
}

void GatewayHandler::link_is_down(Upstream& upstream) {
  on_shard_->context.rebuild_routes();  // first: an answer may make a client send again at once
  on_shard_->forwarding.fail_all(upstream);
}

void GatewayHandler::retire(std::uint32_t id) {
  Upstream* const upstream = on_shard_->context.upstreams.find(id);
  if (upstream == nullptr) return;
  upstream->up = false;
  link_is_down(*upstream);
  on_shard_->context.upstreams.retire(id);
}

// --- Time, mail, control ------------------------------------------------------------------------

void GatewayHandler::on_tick() {
  on_shard_->forwarding.on_tick();
  on_shard_->ejector.on_tick();
  on_shard_->signouts.on_tick();
  on_shard_->roll_call.on_tick();
  on_shard_->evacuation.on_tick();
  on_shard_->drain.on_tick();
  on_shard_->admission.on_tick();
  on_shard_->memory_budget.on_tick();
  on_shard_->context.teller.on_tick();
  on_shard_->context.recorder.on_tick();
}

void GatewayHandler::on_mail(std::uint32_t from, MailKind kind, ByteView message) {
  Upstreams& upstreams = on_shard_->context.upstreams;
  switch (kind) {
    case kMailToLink:
      return upstreams.take_to_link(from, message);
    case kMailSignout:
      return on_shard_->signouts.take(message);
    case kMailDeliver:
      return on_shard_->deliveries.take(message);
    case kMailRefused:
      return on_shard_->forwarding.take_refused(message);
    case kMailLinkUp:
      upstreams.take_link_up(from, kMailLinkUp.read(message));
      on_shard_->context.shard.mail_surely(on_shard_->context.shard.control(), kMailLinkSeen,
                                           kMailLinkUp.read(message));
      return link_is_up();
    case kMailLinkDown:
      if (Upstream* const upstream = upstreams.take_link_down(kMailLinkDown.read(message))) {
        link_is_down(*upstream);
      }
      return;
    case kMailLinkSilent:
      return on_shard_->ejector.take_silent(kMailLinkSilent.read(message));
    case kMailCatalogue:
      return take_catalogue(*kMailCatalogue.read(message).catalogue);
    case kMailRetire:
      return retire(kMailRetire.read(message));
    case kMailReconfigure:
      return reconfigure(*kMailReconfigure.read(message).settings);
    case kMailInspect:
      return on_shard_->inspector.inspect(kMailInspect.read(message));
    case kMailDrain:
      return on_shard_->drain.begin(kMailDrain.read(message));
    case kMailEvacuate:
      return on_shard_->evacuation.begin(kMailEvacuate.read(message));
    case kMailEndBoot:
      return on_shard_->roll_call.end_boot();
    default:
      on_shard_->context.shard.unknown_mail(from, kind);
  }
}

void GatewayHandler::take_catalogue(const Catalogue& catalogue) {
  GatewayContext& context = on_shard_->context;
  for (const CatalogueEntry& entry : catalogue.entries) {
    Upstream& upstream = context.upstreams.open(entry.upstream);
    upstream.draining = entry.draining;
    upstream.max_frame_bytes = entry.max_frame_bytes;
    upstream.may_be_pinged = entry.may_be_pinged;
    upstream.takes_roll_calls = entry.takes_roll_calls;
  }
  context.catalogue = &catalogue;
  context.rebuild_routes();
  context.shard.mail_surely(context.shard.control(), kMailCatalogueTaken,
                            CatalogueTakenMail{catalogue.version});
}

// Takes effect at once, for what is under way too; deadlines that are armed stay.
void GatewayHandler::reconfigure(const GatewaySettings& settings) {
  GatewayOptions& options = on_shard_->context.options;
  const SlowConsumers before = std::exchange(options, settings.options).slow_consumers;
  on_shard_->deliveries.policies_changed(before);
  on_shard_->logins.reconfigure();
  Shard& shard = on_shard_->context.shard;
  shard.reconfigure(settings.shard, settings.upgrades, settings.tls);
  shard.mail_surely(shard.control(), kMailSettingsTaken, SettingsTakenMail{settings.version});
}

}  // namespace ringgate
