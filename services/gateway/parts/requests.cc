#include "services/gateway/parts/requests.h"

#include "codec/error_body.h"
#include "services/gateway/channel.h"

namespace ringgate {

bool Requests::read(Connection& connection, const Packet& packet, Header& header) {
  header.read = context_.headers.read(packet.header, context_.options.max_metas, header.scan);
  if (header.read == HeaderRead::kBad || header.read == HeaderRead::kTooManyMetas) {
    context_.shard.finish(connection, header.read == HeaderRead::kBad
                                          ? GatewayClose::kBadPacket
                                          : GatewayClose::kTooManyMetas);
    return false;
  }
  const std::size_t command = context_.counters.commands.count_in(
      connection.transport, header.scan.command,
      packet.header.size() + packet.body.size() + kLogicOverheadBytes);
  if (command == kOtherCommand) context_.counters.own_commands.count(header.scan.command);
  header.command = static_cast<std::uint8_t>(command);
  return true;
}

Requests::Chosen Requests::route(std::string_view service, const SelectionKey& key) {
  const Routes::Choice choice = context_.routes.select(service, key);
  const Chosen found{choice.upstream, context_.counters.services.index_of(service)};
  if (found.upstream == nullptr) {
    context_.count(GatewayCounter::kNoService);
    context_.counters.services.at(found.service).no_service.add(1);
    context_.counters.zones.of(choice.zone).no_server.add(1);
  }
  if (choice.zone_fallback) [[unlikely]] {
    context_.count(GatewayCounter::kZoneFallback);
    context_.counters.zones.of(choice.zone).fallback.add(1);
  }
  return found;
}

bool Requests::prepare(Connection& connection, const Packet& packet, const Header& header,
                       const ClientIdentity& identity, Prepared& prepared) {
  prepared = {packet.header, false};
  if (!HeaderReader::needs_rewrite(header.read, header.scan)) [[likely]]
    return true;
  prepared = {context_.headers.rewrite_for_forward(packet.header, header.read, identity), true};
  if (!prepared.header.empty()) return true;
  context_.shard.finish(connection, GatewayClose::kBadPacket);
  return false;
}

SendStatus Requests::send(const Chosen& to, OutstandingRequest request, const Prepared& prepared,
                          ByteView suffix, ByteView tail) {
  if (prepared.rewritten) suffix = {};
  request.service = to.service;
  request.sent_us = context_.shard.now_us();
  ServiceCounters::Row& counters = context_.counters.services.at(to.service);
  const SendStatus status =
      context_.upstreams.forward(*to.upstream, request, prepared.header, suffix, tail);
  if (status == SendStatus::kOk) {
    counters.forwarded.add(1);
    to.upstream->counted->forwarded.add(1);
  } else {
    (status == SendStatus::kTooLong ? counters.too_long : counters.failed).add(1);
    to.upstream->counted->failed.add(1);
    count_failure(status);
  }
  return status;
}

void Requests::count_failure(SendStatus status) {
  context_.count(GatewayCounter::kForwardFailed);
  if (status == SendStatus::kQueueFull) context_.count(GatewayCounter::kForwardFailedBytes);
  if (status == SendStatus::kOutstandingFull) context_.count(GatewayCounter::kOutstandingFull);
  if (status == SendStatus::kTooLong) context_.count(GatewayCounter::kLinkFrameTooLong);
}

std::string_view Requests::describe_refusal(SendStatus status) noexcept {
  return status == SendStatus::kTooLong ? "the packet is longer than the service takes"
                                        : "the service cannot take more; try again";
}

EventWhy Requests::why_of(SendStatus status) noexcept {
  switch (status) {
    case SendStatus::kOk:
      break;
    case SendStatus::kDown:
      return EventWhy::kLinkDown;
    case SendStatus::kQueueFull:
      return EventWhy::kLinkQueueFull;
    case SendStatus::kMailboxFull:
      return EventWhy::kMailboxFull;
    case SendStatus::kOutstandingFull:
      return EventWhy::kOutstandingFull;
    case SendStatus::kTooLong:
      return EventWhy::kTooLong;
  }
  return EventWhy::kNone;
}

void Requests::answer(Connection& connection, const HeaderScan& scan, Status status,
                      std::string_view text) {
  OutgoingHeader header;
  header.command = scan.command;
  if (const Channel* const channel = channel_of(connection)) header.channel_id = channel->id();
  header.sequence = scan.sequence;
  header.flag = Flag::kResponse;
  header.status = status;
  header.dest = scan.dest;
  const ErrorBody body(text);
  std::uint8_t* const to = context_.shard.reserve_frame(
      connection, Opcode::kBinary, packet_bytes(header, body.bytes().size()), Why::kAsked);
  if (to == nullptr) return;
  write_packet(to, header, body.bytes());
  context_.count(GatewayCounter::kPacketsOut);
}

}  // namespace ringgate
