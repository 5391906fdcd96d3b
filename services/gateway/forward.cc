// Gateway: packets from clients to services. The fast path scans the header once and appends to it.
#include "services/gateway/handler.h"

namespace ringgate {

void GatewayHandler::forward(Connection& connection, Channel& channel, const Packet& packet) {
  Requests& requests = on_shard_->requests;
  Requests::Header header;
  if (!requests.read(connection, packet, header)) return;
  const HeaderScan& scan = header.scan;
  const std::string_view service = Routes::service_of(scan.command);
  if (scan.command.empty() || service == "login" ||
      scan.flag != static_cast<std::uint32_t>(Flag::kRequest)) {
    context_->count(Counter::kRefusedCommands);
    requests.answer(connection, scan, Status::kInvalidCommand);
    return;
  }
  const std::string_view gateway_id = context_->options.gateway_id;
  const ClientIdentity identity{channel.id(), channel.app(), channel.account(gateway_id),
                                gateway_id};
  const Requests::Route to =
      requests.route(service, {channel.channel_crc, identity.account, identity.app});
  if (to.upstream == nullptr) {
    context_->count(Counter::kForwardFailed);
    requests.answer(connection, scan, Status::kSystemException, "no such service is connected");
    return;
  }
  // Its share of what a link holds: one client that asks faster than a service answers must not
  // use up what is everybody's.
  if (channel.outstanding >= context_->options.max_client_outstanding) [[unlikely]] {
    context_->count(Counter::kClientOutstandingFull);
    context_->count(Counter::kForwardFailed);
    requests.answer(connection, scan, Status::kSystemException,
                    "too many requests without an answer");
    return;
  }
  Requests::Prepared prepared;
  if (!requests.prepare(connection, packet, header, identity, prepared)) return;
  if (prepared.rewritten) context_->count(Counter::kForwardedSlow);
  const OutstandingRequest request{connection.slot, channel.login, scan.sequence, scan.command};
  const SendStatus status = requests.send(to, request, prepared, channel.suffix(), packet.tail);
  if (status != SendStatus::kOk) [[unlikely]] {
    requests.answer(connection, scan, Status::kSystemException, Requests::describe_refusal(status));
    return;
  }
  ++channel.outstanding;
}

// No answer came and none will: 300, "outcome unknown".
void GatewayHandler::answer_outstanding(const OutstandingRequest& request) {
  one_less_outstanding(request.slot, request.login);
  Connection* const connection = context_->shard.at(request.slot);
  if (connection == nullptr || !connection->open()) return;
  const Channel* const channel = channel_of(*connection);
  if (channel == nullptr || channel->login != request.login) return;
  HeaderScan scan;
  scan.command = request.command;
  scan.sequence = request.sequence;
  on_shard_->requests.answer(*connection, scan, Status::kSystemException,
                             "outcome unknown: the service did not answer");
  if (!connection->open()) return;  // its queue was full: the channel is gone
  if (channel->state == ChannelState::kLoggingIn) {
    login_failed(*channel, "the login service did not answer");
    context_->shard.finish(*connection, CloseReason::kNoLoginService);
  } else {
    end_if_answered(*connection);
  }
}

// Of the channel that is there, or of one that has ended and waits for just this. A login itself is
// not counted.
void GatewayHandler::one_less_outstanding(std::uint32_t slot, std::uint32_t login) {
  const Connection* const connection = context_->shard.at(slot);
  Channel* channel = connection != nullptr ? channel_of(*connection) : nullptr;
  if (channel != nullptr && channel->login == login) {
    if (channel->outstanding > 0) --channel->outstanding;
    return;
  }
  on_shard_->signouts.answered(login);
}

// A client that has ended its side is closed with its last answer.
void GatewayHandler::end_if_answered(Connection& connection) {
  const bool all_handled = !connection.held && !connection.parsing;
  if (!connection.saw_eof || !connection.open() || !all_handled) return;
  if (channel_of(connection)->outstanding == 0) {
    context_->shard.finish(connection, CloseReason::kPeerClosed);
  }
}

// The home shard could not append a frame of ours: the link's queue was full.
void GatewayHandler::take_refused(ByteView message) {
  const auto head = read_mail<ToLinkHead>(message);
  Upstream* const upstream = context_->upstreams.find(head.upstream);
  if (upstream == nullptr) return;
  OutstandingRequest request;
  if (!upstream->outstanding.take(head.login, head.sequence, request)) return;
  context_->count(Counter::kForwardFailed);
  context_->shard.counters().change(Gauge::kOutstanding, -1);
  answer_outstanding(request);
}

}  // namespace ringgate
