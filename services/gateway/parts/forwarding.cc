#include "services/gateway/parts/forwarding.h"

#include "control/routing/selector.h"
#include "services/gateway/mail.h"

namespace ringgate {

void Forwarding::forward(Connection& connection, Channel& channel, const Packet& packet) {
  Requests::Header header;
  if (!requests_.read(connection, packet, header)) return;
  const HeaderScan& scan = header.scan;
  const std::string_view service = Routes::service_of(scan.command);
  if (scan.command.empty() || service == "login" ||
      scan.flag != static_cast<std::uint32_t>(Flag::kRequest)) {
    context_.count(GatewayCounter::kRefusedCommands);
    context_.recorder.add(channel, {EventKind::kRefusedCommand, header.command, scan.sequence});
    requests_.answer(connection, scan, Status::kInvalidCommand);
    return;
  }
  const std::string_view gateway_id = context_.options.gateway_id;
  const ClientIdentity identity{channel.id(), channel.app(), channel.account(gateway_id),
                                gateway_id};
  const Requests::Chosen to =
      requests_.route(service, {channel.channel_crc, identity.account, identity.app});
  if (to.upstream == nullptr) {
    context_.count(GatewayCounter::kForwardFailed);
    constexpr std::string_view kWhy = "no such service is connected";
    tell(connection, channel, scan.command, packet, nullptr, kWhy);
    not_forwarded(connection, channel, scan, EventWhy::kNoService, to, kWhy);
    return;
  }
  // Its share of what a link holds: one client that asks faster than a service answers must not
  // use up what is everybody's.
  if (has_too_many(channel)) [[unlikely]] {
    context_.count(GatewayCounter::kForwardFailed);
    constexpr std::string_view kWhy = "too many requests without an answer";
    tell(connection, channel, scan.command, packet, to.upstream, kWhy);
    not_forwarded(connection, channel, scan, EventWhy::kClientOutstanding, to, kWhy);
    return;
  }
  Requests::Prepared prepared;
  if (!requests_.prepare(connection, packet, header, identity, prepared)) return;
  if (prepared.rewritten) context_.count(GatewayCounter::kForwardedSlow);
  const OutstandingRequest request{connection.slot, channel.login, scan.sequence, scan.command};
  const SendStatus status = requests_.send(to, request, prepared, channel.suffix(), packet.tail);
  const std::string_view why =
      status == SendStatus::kOk ? std::string_view() : Requests::describe_refusal(status);
  tell(connection, channel, scan.command, packet, to.upstream, why);
  if (status != SendStatus::kOk) [[unlikely]] {
    not_forwarded(connection, channel, scan, Requests::why_of(status), to, why);
    return;
  }
  ++channel.outstanding;
  context_.recorder.add(
      channel, {EventKind::kForwarded, header.command, scan.sequence, to.upstream->id, to.service});
}

void Forwarding::not_forwarded(Connection& connection, Channel& channel, const HeaderScan& scan,
                               EventWhy why, const Requests::Chosen& to, std::string_view text) {
  const std::uint32_t upstream = to.upstream != nullptr ? to.upstream->id : 0;
  context_.recorder.add(channel,
                        {EventKind::kNotForwarded, why, scan.sequence, upstream, to.service});
  requests_.answer(connection, scan, Status::kSystemException, text);
}

void Forwarding::tell(const Connection& connection, const Channel& channel,
                      std::string_view command, const Packet& packet, const Upstream* to,
                      std::string_view why) {
  if (!context_.teller.tells_debug()) [[likely]]
    return;
  context_.teller.tell(
      connection, channel,
      {.event = LogEvent::kForwarded,
       .command = command,
       .why = why,
       .bytes = static_cast<std::uint32_t>(packet.header.size() + packet.body.size()),
       .upstream = to == nullptr ? 0 : to->id,
       .good = why.empty()});
}

// --- Answers, and what is left without one ------------------------------------------------------

// Nothing: the request has been answered already (300 after a timeout), and the client would take a
// second answer for something else.
std::optional<std::uint32_t> Forwarding::answered(const DeliveryHead& answer,
                                                  const ChannelPlace& place) {
  std::optional<OutstandingTable::Retired> request;
  Upstream* const upstream = context_.upstreams.find(answer.upstream);
  if (upstream != nullptr) {
    upstream->given_up = 0;
    upstream->answered_ms = context_.shard.now_ms();
    request = upstream->outstanding.retire(place.login, answer.sequence);
  }
  if (!request) {
    if (answer.is_signout == 0) context_.count(GatewayCounter::kAnswerLate);
    return std::nullopt;
  }
  context_.count(GatewayCounter::kAnswered);
  context_.shard.counters().change(GatewayGauge::kOutstanding, -1);
  const std::uint32_t took_us = context_.shard.now_us() - request->sent_us;
  Channel* const channel = one_less_outstanding(place.slot, place.login);
  if (channel != nullptr && channel->state == ChannelState::kLoggedIn) {
    context_.recorder.add(
        *channel, {EventKind::kAnswered, static_cast<std::uint8_t>(request->service), took_us,
                   answer.upstream, answer.status});
  }
  context_.counters.services.at(request->service).took.record(took_us);
  upstream->counted->answered.add(1);
  upstream->counted->took_us.add(took_us);
  if (answer.command_index == kOtherCommand && answer.success != 0) {
    context_.counters.own_commands.admit(request->command, request->service);
  }
  return took_us;
}

void Forwarding::fail_all(Upstream& upstream) {
  const std::size_t failed = upstream.outstanding.fail_all([&](const OutstandingRequest& request) {
    unanswered(request, EventWhy::kLinkBroke, upstream.id);
  });
  context_.count(GatewayCounter::kAnswersFailedByLink, failed);
  upstream.counted->unanswered.add(failed);
  context_.shard.counters().change(GatewayGauge::kOutstanding, -static_cast<std::int64_t>(failed));
}

void Forwarding::on_tick() {
  context_.upstreams.for_each([this](Upstream& upstream) {
    const std::size_t expired =
        upstream.outstanding.expire(context_.shard.now_ms(), context_.options.answer_timeout_ms,
                                    [&](const OutstandingRequest& request) {
                                      unanswered(request, EventWhy::kAnswerTimeout, upstream.id);
                                    });
    context_.count(GatewayCounter::kAnswerTimeouts, expired);
    upstream.given_up += static_cast<std::uint32_t>(expired);
    upstream.counted->unanswered.add(expired);
    context_.shard.counters().change(GatewayGauge::kOutstanding,
                                     -static_cast<std::int64_t>(expired));
    if (upstream.draining && !upstream.reported_drained && upstream.outstanding.size() == 0) {
      upstream.reported_drained = true;
      context_.shard.mail_surely(context_.shard.control(), kMailUpstreamDrained, upstream.id);
    }
  });
}

// No answer came and none will: 300, "outcome unknown".
void Forwarding::unanswered(const OutstandingRequest& request, EventWhy why,
                            std::uint32_t upstream) {
  one_less_outstanding(request.slot, request.login);
  Connection* const connection = context_.shard.at(request.slot);
  if (connection == nullptr || !connection->open()) return;
  Channel* const channel = channel_of(*connection);
  if (channel == nullptr || channel->login != request.login) return;
  context_.recorder.add(
      *channel, {EventKind::kUnanswered, why, context_.shard.now_us() - request.sent_us, upstream,
                 request.service});
  HeaderScan scan;
  scan.command = request.command;
  scan.sequence = request.sequence;
  requests_.answer(*connection, scan, Status::kSystemException,
                   "outcome unknown: the service did not answer");
  if (!connection->open()) return;  // its queue was full: the channel is gone
  if (channel->state == ChannelState::kLoggingIn) {
    logins_.unanswered(*connection, *channel);
  } else {
    end_if_answered(*connection);
  }
}

bool Forwarding::has_too_many(const Channel& channel) {
  if (channel.outstanding < context_.options.max_client_outstanding) [[likely]]
    return false;
  context_.count(GatewayCounter::kClientOutstandingFull);
  // More cannot be counted.
  return !context_.shard.options().limits_dry_run || channel.outstanding == UINT16_MAX;
}

// Of the channel that is there, or of one that has ended and waits for just this. A login itself is
// not counted. Returns the one that is there.
Channel* Forwarding::one_less_outstanding(std::uint32_t slot, std::uint32_t login) {
  const Connection* const connection = context_.shard.at(slot);
  Channel* channel = connection != nullptr ? channel_of(*connection) : nullptr;
  if (channel != nullptr && channel->login == login) {
    if (channel->outstanding > 0) --channel->outstanding;
    return channel;
  }
  signouts_.answered(login);
  return nullptr;
}

// A client that has ended its side, or is to go, is closed with its last answer.
void Forwarding::end_if_answered(Connection& connection) {
  if (connection.open()) context_.farewells.answered(connection);
  const bool all_handled = !connection.collects() && !connection.parsing;
  if (!connection.saw_eof || !connection.open() || !all_handled) return;
  if (channel_of(connection)->outstanding == 0) {
    context_.shard.finish(connection, CloseReason::kPeerClosed);
  }
}

// The home shard could not append a frame of ours: the link's queue was full.
void Forwarding::take_refused(ByteView message) {
  const ToLinkHead head = kMailRefused.read(message);
  Upstream* const upstream = context_.upstreams.find(head.upstream);
  if (upstream == nullptr) return;
  OutstandingRequest request;
  if (!upstream->outstanding.take(head.login, head.sequence, request)) return;
  context_.count(GatewayCounter::kForwardFailed);
  upstream->counted->failed.add(1);
  context_.shard.counters().change(GatewayGauge::kOutstanding, -1);
  unanswered(request, EventWhy::kLinkQueueFull, upstream->id);
}

// A client that only ended its side still gets its answers, for as long as a login's would take.
bool Forwarding::on_peer_end(Connection& connection) {
  const Channel* const channel = channel_of(connection);
  if (channel == nullptr || channel->outstanding == 0) return true;
  context_.shard.set_deadline(connection, context_.options.login_answer_timeout_ms);
  return false;
}

}  // namespace ringgate
