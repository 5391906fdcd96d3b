#include "services/logic/handler.h"

#include <utility>

#include "codec/names.h"
#include "codec/pkt.pb.h"
#include "services/logic/counters.h"
#include "services/logic/mail.h"

namespace ringgate {
namespace {

// The id and a lane.
constexpr std::size_t kMaxHandshakeBytes = 2 * kMaxForeignIdBytes;

}  // namespace

LogicHandler::LogicHandler(const LogicOptions& options, MakeSessions make_sessions, FillRouter fill,
                           MakeMessages make_messages)
    : options_(options),
      make_sessions_(std::move(make_sessions)),
      fill_(std::move(fill)),
      make_messages_(std::move(make_messages)) {}

LogicHandler::~LogicHandler() = default;

LogicHandler::OnShard::OnShard(Shard& its_shard, const LogicHandler& handler)
    : shard(its_shard),
      handshakes(its_shard),
      links(its_shard),
      outbox(its_shard, links),
      delays(its_shard),
      message_ids(its_shard.index(), its_shard.options().shards),
      sessions(handler.make_sessions_ ? handler.make_sessions_(its_shard, message_ids) : nullptr),
      messages(handler.make_messages_ ? handler.make_messages_(its_shard) : nullptr),
      logic{outbox,      sessions.get(),
            message_ids, messages.get(),
            delays,      handler.options_.login_answer_delay_ms,
            {},          {}},
      channels(handler.router_, handler.options_.channels) {}

HandlerNames LogicHandler::names() const noexcept {
  return kLogicNames;
}

void LogicHandler::on_start(Shard& shard) {
  fill_(router_);
  on_shard_ = std::make_unique<OnShard>(shard, *this);
}

void LogicHandler::on_accept(Connection& connection) {
  on_shard_->shard.set_deadline(connection, options_.handshake_wait_ms);
}

void LogicHandler::on_adopt(Connection& connection, const AdoptedFor&) {
  on_accept(connection);
}

void LogicHandler::on_deadline(Connection& connection) {
  if (!connection.has_user()) on_shard_->shard.finish(connection, LogicClose::kHandshake);
}

void LogicHandler::on_packet(Connection& connection, ByteView payload) {
  const auto* const link = connection.user<const Link>();
  if (link == nullptr) {
    on_handshake(connection, payload);
    return;
  }
  const Packet packet = parse_packet(payload, options_.max_header_bytes);
  if (packet.status == PacketStatus::kLogic) {
    on_request(*link, packet);
  } else if (packet.status != PacketStatus::kBasic) {
    on_shard_->shard.counters().add(LogicCounter::kLinkPacketMalformed);
  }
}

void LogicHandler::on_handshake(Connection& connection, ByteView payload) {
  Shard& shard = on_shard_->shard;
  pkt::InnerHandshakeReq handshake;
  const bool parsed = payload.size() <= kMaxHandshakeBytes &&
                      handshake.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
  const std::string& id = handshake.serviceid();
  if (!parsed || !is_valid_foreign_id(id)) {
    shard.finish(connection, LogicClose::kHandshake);
    return;
  }
  shard.set_deadline(connection, 0);
  const std::string& boot = handshake.boot();
  on_shard_->links.claim(connection, id, handshake.lane(),
                         is_valid_boot(boot) ? std::string_view(boot) : std::string_view());
}

bool LogicHandler::scan(ByteView header, HeaderScan& scan) {
  switch (scan_header(header, options_.max_metas, scan)) {
    case ScanStatus::kCanonical:
      return true;
    case ScanStatus::kNotCanonical:
      return !has_more_metas(header, options_.max_metas) && slow_path_.parse(header, scan) &&
             scan.metas <= options_.max_metas;
    case ScanStatus::kTooManyMetas:
      break;
  }
  return false;
}

void LogicHandler::on_request(const Link& link, const Packet& packet) {
  Counters& counters = on_shard_->shard.counters();
  counters.add(LogicCounter::kPacketsIn);
  HeaderScan header;
  // An answer goes to a list of channel ids: one with a comma would be several.
  if (!scan(packet.header, header) || !is_valid_foreign_id(header.channel_id)) {
    counters.add(LogicCounter::kLinkPacketMalformed);  // nobody could be answered
    return;
  }
  RequestView view;
  view.command = header.command;
  view.channel_id = header.channel_id;
  view.dest = header.dest;
  view.account = header.account.value;
  view.app = header.app.value;
  view.gateway_id = link.gateway->id;
  view.boot = link.boot;
  view.body = packet.body;
  view.sequence = header.sequence;
  view.link = link.connection;
  Request request(on_shard_->logic, view);
  if (header.command.empty()) {
    counters.add(LogicCounter::kLinkPacketMalformed);
    request.fail(Status::kInvalidCommand, "the packet has no command");
    return;
  }
  on_shard_->channels.handle(request);
}

void LogicHandler::on_close(Connection& connection, CloseReason reason) {
  on_shard_->handshakes.closed(connection, reason);
  on_shard_->links.drop(connection);
}

void LogicHandler::on_mail(std::uint32_t from, MailKind kind, ByteView message) {
  switch (kind) {
    case kMailLinkClaimed:
      on_shard_->links.take_claimed(from, message);
      return;
    case kMailLinkGone:
      on_shard_->links.take_gone(from, message);
      return;
    case kMailToGateway:
      on_shard_->outbox.on_mail(message);
      return;
    case kMailStoreDone:
      StoreClient::take_done(message);
      on_shard_->channels.proceed();
      return;
    case kMailNodeLease:
      take_lease(kMailNodeLease.read(message));
      return;
    default:
      on_shard_->shard.unknown_mail(from, kind);
  }
}

void LogicHandler::take_lease(const NodeLeaseMail& mail) {
  if (mail.granted != 0) {
    on_shard_->message_ids.grant(mail.lease);
  } else {
    on_shard_->message_ids.revoke();
  }
}

void LogicHandler::on_tick() {
  on_shard_->handshakes.on_tick();
  on_shard_->delays.on_tick();
  if (on_shard_->sessions != nullptr) on_shard_->sessions->on_tick();
  if (on_shard_->messages != nullptr) on_shard_->messages->on_tick();
  on_shard_->channels.proceed();
}

void LogicHandler::on_batch_end() {
  on_shard_->logic.stalls.on_turn(StallWatch::now_us());
  on_shard_->channels.proceed();
}

std::unique_ptr<Handler> make_logic_handler(const LogicOptions& options, MakeSessions make_sessions,
                                            FillRouter fill, MakeMessages make_messages) {
  return std::make_unique<LogicHandler>(options, std::move(make_sessions), std::move(fill),
                                        std::move(make_messages));
}

}  // namespace ringgate
