#include "services/logic/request.h"

#include <limits>

#include "codec/pkt.pb.h"
#include "services/logic/counters.h"

namespace ringgate {

void Request::respond(Status status, ByteView body) {
  if (answered_) return;
  answered_ = true;
  OutgoingHeader header;
  header.command = view_.command;
  header.channel_id = view_.channel_id;
  header.sequence = view_.sequence;
  header.flag = Flag::kResponse;
  header.status = status;
  header.dest = view_.dest;
  header.dest_server = view_.gateway_id;
  header.dest_channels = view_.channel_id;
  if (!shard_.outbox.fits(header, body.size())) {
    pkt::ErrorResp error;
    error.set_message("the answer is longer than a gateway takes (MaxLinkFrame); ask for less");
    header.status = Status::kSystemException;
    body = serialize(error);
    shard_.outbox.shard().counters().add(LogicCounter::kLinkFrameTooLong);
  }
  shard_.outbox.send(view_.gateway_id, view_.link, header, body);
}

void Request::respond(Status status, const google::protobuf::MessageLite& body) {
  respond(status, serialize(body));
}

void Request::fail(Status status, std::string_view text) {
  pkt::ErrorResp error;
  error.set_message(text.data(), text.size());
  respond(status, error);
}

void Request::push(std::span<const Location> receivers, const google::protobuf::MessageLite& body) {
  OutgoingHeader header;
  header.command = view_.command;
  header.channel_id = view_.channel_id;
  header.sequence = view_.sequence;
  header.flag = Flag::kPush;
  header.dest = view_.dest;
  shard_.outbox.push(receivers, view_.channel_id, header, serialize(body));
}

bool Request::parse_into(google::protobuf::MessageLite& message) {
  const ByteView body = view_.body;
  if (body.size() <= std::numeric_limits<int>::max() &&
      message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return true;
  }
  fail(Status::kInvalidPacketBody, "the body is not what this command takes");
  return false;
}

ByteView Request::serialize(const google::protobuf::MessageLite& message) {
  shard_.body.clear();
  message.AppendToString(&shard_.body);
  return as_bytes(shard_.body);
}

RequestBytes::RequestBytes(const RequestView& view) {
  const std::string_view texts[] = {view.command, view.channel_id, view.dest, view.account,
                                    view.app,     view.gateway_id, view.boot, as_text(view.body)};
  std::size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  bytes_.reserve(bytes);
  for (const std::string_view text : texts) bytes_.append(text);
}

RequestView RequestBytes::view_of_copy(const RequestView& original) const noexcept {
  RequestView view = original;
  std::string_view rest = bytes_;
  const auto take = [&rest](std::size_t bytes) {
    const std::string_view text = rest.substr(0, bytes);
    rest.remove_prefix(bytes);
    return text;
  };
  view.command = take(original.command.size());
  view.channel_id = take(original.channel_id.size());
  view.dest = take(original.dest.size());
  view.account = take(original.account.size());
  view.app = take(original.app.size());
  view.gateway_id = take(original.gateway_id.size());
  view.boot = take(original.boot.size());
  view.body = as_bytes(take(original.body.size()));
  return view;
}

Context::Context(const Request& request)
    : RequestBytes(request.view()),
      Request(request.shard(), view_of_copy(request.view())),
      received_ns_(wall_clock_ns()) {}

}  // namespace ringgate
