// Gateway: packets from clients to services. The fast path scans the header once and appends to it.
#include "codec/error_body.h"
#include "services/gateway/handler.h"

namespace ringgate {

std::string_view GatewayHandler::describe_refusal(SendStatus status) {
  return status == SendStatus::kTooLong ? "the packet is longer than the service takes"
                                        : "the service cannot take more; try again";
}

void GatewayHandler::forward(Connection& connection, Channel& channel, const Packet& packet) {
  HeaderScan scan;
  const HeaderRead read = read_header(packet.header, options_.max_metas, scan);
  if (read == HeaderRead::kBad || read == HeaderRead::kTooManyMetas) {
    shard_->finish(connection,
                   read == HeaderRead::kBad ? CloseReason::kBadPacket : CloseReason::kTooManyMetas);
    return;
  }
  count_in(connection, scan.command, packet);
  const std::string_view service = Routes::service_of(scan.command);
  if (scan.command.empty() || service == "login" ||
      scan.flag != static_cast<std::uint32_t>(Flag::kRequest)) {
    shard_->counters().add(Counter::kRefusedCommands);
    answer(connection, scan, Status::kInvalidCommand);
    return;
  }
  const ClientIdentity identity{channel.id(), channel.app(), channel.account(options_.gateway_id),
                                options_.gateway_id};
  const Route to = route(service, {channel.channel_crc, identity.account, identity.app});
  if (to.upstream == nullptr) {
    shard_->counters().add(Counter::kForwardFailed);
    answer(connection, scan, Status::kSystemException, "no such service is connected");
    return;
  }
  ByteView header = packet.header;
  ByteView suffix = channel.suffix();
  if (read == HeaderRead::kSlow || scan.has_reserved) [[unlikely]] {
    HeaderScan again;
    if (read != HeaderRead::kSlow && !slow_path_.parse(packet.header, again)) {
      shard_->finish(connection, CloseReason::kBadPacket);
      return;
    }
    header = slow_path_.rewrite_for_forward(identity);
    suffix = {};
    shard_->counters().add(Counter::kForwardedSlow);
  }
  // Its share of what a link holds: one client that asks faster than a service answers must not
  // use up what is everybody's.
  if (channel.outstanding >= options_.max_client_outstanding) [[unlikely]] {
    shard_->counters().add(Counter::kClientOutstandingFull);
    shard_->counters().add(Counter::kForwardFailed);
    answer(connection, scan, Status::kSystemException, "too many requests without an answer");
    return;
  }
  const OutstandingRequest request{connection.slot, channel.login, scan.sequence, scan.command};
  const SendStatus status = upstreams_->forward(*to.upstream, request, header, suffix, packet.tail);
  if (status != SendStatus::kOk) [[unlikely]] {
    count_failure(to, status);
    answer(connection, scan, Status::kSystemException, describe_refusal(status));
    return;
  }
  to.counters->forwarded.add(1);
  ++channel.outstanding;
}

void GatewayHandler::count_in(const Connection& connection, std::string_view command,
                              const Packet& packet) {
  commands_.count_in(connection.transport, command,
                     packet.header.size() + packet.body.size() + kLogicOverheadBytes);
}

GatewayHandler::Route GatewayHandler::route(std::string_view service, const SelectionKey& key) {
  const Routes::Choice choice = routes_.select(service, key);
  const Route found{choice.upstream, &services_.of(service)};
  if (found.upstream == nullptr) {
    shard_->counters().add(Counter::kNoService);
    found.counters->no_service.add(1);
    zones_.of(choice.zone).no_server.add(1);
  }
  if (choice.zone_fallback) [[unlikely]] {
    shard_->counters().add(Counter::kZoneFallback);
    zones_.of(choice.zone).fallback.add(1);
  }
  return found;
}

void GatewayHandler::count_failure(const Route& route, SendStatus status) {
  route.counters->failed.add(1);
  shard_->counters().add(Counter::kForwardFailed);
  if (status == SendStatus::kQueueFull) shard_->counters().add(Counter::kForwardFailedBytes);
  if (status == SendStatus::kOutstandingFull) shard_->counters().add(Counter::kOutstandingFull);
  if (status == SendStatus::kTooLong) shard_->counters().add(Counter::kLinkFrameTooLong);
}

// An answer of the gateway's own: the request's header copied, with `text` in an ErrorResp.
void GatewayHandler::answer(Connection& connection, const HeaderScan& scan, Status status,
                            std::string_view text) {
  OutgoingHeader header;
  header.command = scan.command;
  if (const Channel* const channel = channel_of(connection)) header.channel_id = channel->id();
  header.sequence = scan.sequence;
  header.flag = Flag::kResponse;
  header.status = status;
  header.dest = scan.dest;
  const ErrorBody body(text);
  std::uint8_t* const to =
      shard_->reserve_frame(connection, Opcode::kBinary, packet_bytes(header, body.bytes().size()));
  if (to == nullptr) return;
  write_packet(to, header, body.bytes());
  shard_->counters().add(Counter::kPacketsOut);
}

// No answer came and none will: 300, "outcome unknown".
void GatewayHandler::answer_outstanding(const OutstandingRequest& request) {
  one_less_outstanding(request.slot, request.login);
  Connection* const connection = shard_->at(request.slot);
  if (connection == nullptr || !connection->open()) return;
  const Channel* const channel = channel_of(*connection);
  if (channel == nullptr || channel->login != request.login) return;
  HeaderScan scan;
  scan.command = request.command;
  scan.sequence = request.sequence;
  answer(*connection, scan, Status::kSystemException,
         "outcome unknown: the service did not answer");
  if (!connection->open()) return;  // its queue was full: the channel is gone
  if (channel->state == ChannelState::kLoggingIn) {
    login_failed(*channel, "the login service did not answer");
    shard_->finish(*connection, CloseReason::kNoLoginService);
  } else {
    end_if_answered(*connection);
  }
}

// Of the channel that is there, or of one that has ended and waits for just this. A login itself is
// not counted.
void GatewayHandler::one_less_outstanding(std::uint32_t slot, std::uint32_t login) {
  const Connection* const connection = shard_->at(slot);
  Channel* channel = connection != nullptr ? channel_of(*connection) : nullptr;
  if (channel != nullptr && channel->login == login) {
    if (channel->outstanding > 0) --channel->outstanding;
    return;
  }
  if (ended_early_.empty()) return;
  const auto ended = ended_early_.find(login);
  if (ended != ended_early_.end() && --ended->second->outstanding == 0) sign_out_early(login);
}

// A client that has ended its side is closed with its last answer.
void GatewayHandler::end_if_answered(Connection& connection) {
  const bool all_handled = !connection.held && !connection.parsing;
  if (!connection.saw_eof || !connection.open() || !all_handled) return;
  if (channel_of(connection)->outstanding == 0) {
    shard_->finish(connection, CloseReason::kPeerClosed);
  }
}

// The home shard could not append a frame of ours: the link's queue was full.
void GatewayHandler::take_refused(ByteView message) {
  const auto head = read_mail<ToLinkHead>(message);
  Upstream* const upstream = upstreams_->find(head.upstream);
  if (upstream == nullptr || head.login == 0) return;
  OutstandingRequest request;
  if (!upstream->outstanding.take(head.login, head.sequence, request)) return;
  shard_->counters().add(Counter::kForwardFailed);
  shard_->counters().change(Gauge::kOutstanding, -1);
  answer_outstanding(request);
}

}  // namespace ringgate
