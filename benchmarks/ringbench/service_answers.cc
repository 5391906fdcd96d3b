#include "benchmarks/ringbench/service_answers.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "benchmarks/ringbench/run_state.h"
#include "codec/packet.h"
#include "codec/pkt.pb.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kMaxHeaderBytes = 1024 * 1024;
constexpr std::uint32_t kMaxMetas = 64;
constexpr std::string_view kSignOut = "login.signout";

std::int64_t wall_clock_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * static_cast<std::int64_t>(kSecondNs) + now.tv_nsec;
}

template <class Message>
bool parse(Message& message, ByteView body) {
  return message.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

}  // namespace

// Ids of messages begin at the wall clock, so that those of a later run are above them.
ServiceAnswers::ServiceAnswers(const Options& options, ServiceChannels& channels, Tally& tally,
                               Room room)
    : options_(options),
      talks_(std::ranges::find(options.service.names, "chat") != options.service.names.end()),
      channels_(channels),
      tally_(tally),
      room_(std::move(room)),
      next_message_id_(wall_clock_ns()) {}

void ServiceAnswers::on_packet(LinkId link, std::string_view gateway_id, ByteView payload) {
  const Packet packet = parse_packet(payload, kMaxHeaderBytes);
  if (packet.status != PacketStatus::kLogic) return count(ErrorKind::kMalformed);
  Request request{.link = link, .gateway_id = gateway_id, .header = {}, .body = packet.body};
  if (scan_header(packet.header, kMaxMetas, request.header) != ScanStatus::kCanonical &&
      !slow_.parse(packet.header, request.header)) {
    return count(ErrorKind::kMalformed);
  }
  const HeaderScan& header = request.header;
  if (header.channel_id.empty()) return count(ErrorKind::kMalformed);
  if (header.flag != static_cast<std::uint32_t>(Flag::kRequest)) {
    return count(ErrorKind::kUnexpected);
  }
  if (header.command == options_.login_command) return sign_in(request);
  if (talks_ && header.command == options_.talk_command) return talk(request);
  if (header.command != kSignOut) return respond(request, Status::kSuccess, request.body);
  channels_.remove(header.channel_id);
  respond(request, Status::kSuccess, {});
}

void ServiceAnswers::sign_in(const Request& request) {
  pkt::Session session;
  if (!parse(session, request.body)) {
    count(ErrorKind::kMalformed);
    return respond(request, Status::kInvalidPacketBody, {});
  }
  channels_.add({.id = std::string(request.header.channel_id),
                 .account = session.account(),
                 .gateway_id = std::string(request.gateway_id),
                 .link = request.link});
  pkt::LoginResp answer;
  answer.set_channelid(std::string(request.header.channel_id));
  answer.set_account(session.account());
  answer.SerializeToString(&body_);
  respond(request, Status::kSuccess, as_bytes(body_));
}

// Talking to somebody who is not there succeeds, and nothing is ever pushed to the channel whose
// request caused it.
void ServiceAnswers::talk(const Request& request) {
  if (request.header.dest.empty()) return respond(request, Status::kNoDestination, {});
  pkt::MessageReq message;
  if (!parse(message, request.body)) return respond(request, Status::kInvalidPacketBody, {});
  const std::int64_t id = next_message_id_++;
  const std::int64_t now_ns = wall_clock_ns();
  const PlayedChannel* const receiver = channels_.of_account(request.header.dest);
  if (receiver != nullptr && receiver->id != request.header.channel_id) {
    pkt::MessagePush push;
    push.set_messageid(id);
    push.set_type(message.type());
    *push.mutable_body() = std::move(*message.mutable_body());
    *push.mutable_extra() = std::move(*message.mutable_extra());
    push.set_sender(std::string(request.header.account.value));
    push.set_sendtime(now_ns);
    push.SerializeToString(&body_);
    deliver(request, *receiver);
  }
  pkt::MessageResp answer;
  answer.set_messageid(id);
  answer.set_sendtime(now_ns);
  answer.SerializeToString(&body_);
  respond(request, Status::kSuccess, as_bytes(body_));
}

void ServiceAnswers::deliver(const Request& request, const PlayedChannel& receiver) {
  if (!receiver.link) return count(ErrorKind::kConnectionLost);
  OutgoingHeader header;
  header.command = request.header.command;
  header.channel_id = request.header.channel_id;
  header.sequence = request.header.sequence;
  header.flag = Flag::kPush;
  header.dest = request.header.dest;
  header.dest_server = receiver.gateway_id;
  header.dest_channels = receiver.id;
  write(*receiver.link, header, as_bytes(body_));
}

// It goes where the link leads to, whatever the packet's own dest.server says.
void ServiceAnswers::respond(const Request& request, Status status, ByteView body) {
  OutgoingHeader header;
  header.command = request.header.command;
  header.channel_id = request.header.channel_id;
  header.sequence = request.header.sequence;
  header.flag = Flag::kResponse;
  header.status = status;
  header.dest = request.header.dest;
  header.dest_server = request.gateway_id;
  header.dest_channels = request.header.channel_id;
  write(request.link, header, body);
}

// A link that has ended was counted when it did.
void ServiceAnswers::write(LinkId link, const OutgoingHeader& header, ByteView body) {
  std::uint8_t* const to = room_(link, framed_packet_bytes(header, body.size()));
  if (to != nullptr) write_framed_packet(to, header, body);
}

}  // namespace ringgate::bench
