// What the terminal client makes of answers and pushes: the part of Session that reads
// bodies.
#include <fmt/format.h>

#include "codec/pkt.pb.h"
#include "control/base/text.h"
#include "services/client/session.h"

namespace ringgate::client {
namespace {

template <class Message>
bool parse_body(ByteView body, Message& message) {
  return message.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

}  // namespace

void Session::take_response(const pkt::Header& header, ByteView body, std::int64_t now_ns) {
  const auto found = requests_.find(header.sequence());
  if (found == requests_.end()) return;  // an answer that we stopped waiting for
  const Request request = std::move(found->second);
  requests_.erase(found);
  if (request.kind == Request::Kind::kAck) {
    --acks_;
  } else if (header.status() == pkt::Success) {
    take_answer(request, body, now_ns);
  } else {
    take_refusal(request, header, body);
  }
}

void Session::take_answer(const Request& request, ByteView body, std::int64_t now_ns) {
  switch (request.kind) {
    case Request::Kind::kLogin: {
      pkt::LoginResp login;
      if (!parse_body(body, login)) return fail("the answer to the login cannot be read");
      const std::string& name = login.account().empty() ? account_ : login.account();
      output(fmt::format("logged in as {}, channel {}", printable(name),
                         printable(login.channelid())));
      if (state_ != State::kLoggingIn) return;
      state_ = State::kReady;
      due_ns_ = now_ns + kHeartbeatNs;
      return;
    }
    case Request::Kind::kTalk: {
      pkt::MessageResp sent;
      if (!parse_body(body, sent)) return problem("the answer to a talk cannot be read");
      return output(fmt::format("sent to {}: message id {}, sent {}", printable(request.to),
                                sent.messageid(), format_utc(sent.sendtime())));
    }
    case Request::Kind::kEcho:
      return output(fmt::format("echo: {}", printable(as_text(body))));
    case Request::Kind::kAck:
      return;
  }
}

void Session::take_refusal(const Request& request, const pkt::Header& header, ByteView body) {
  std::string what = "the echo";
  if (request.kind == Request::Kind::kTalk) what = fmt::format("talk to {}", printable(request.to));
  if (request.kind == Request::Kind::kLogin) what = "the login";
  std::string line = fmt::format("{} failed: {}", what,
                                 explain_status(static_cast<std::uint32_t>(header.status())));
  pkt::ErrorResp error;
  if (parse_body(body, error) && !error.message().empty()) {
    line += ": " + printable(error.message());
  }
  if (request.kind == Request::Kind::kLogin) return fail(line);
  problem(line);
}

void Session::take_push(const pkt::Header& header, ByteView body, std::int64_t now_ns) {
  if (header.command() == "login.signin") {
    return fail("this account logged in elsewhere; the gateway closed this session");
  }
  for (const pkt::Meta& meta : header.meta()) {
    if (meta.key() == "dropped") {
      output(fmt::format("{} pushes before this one were dropped: they were not read in time",
                         printable(meta.value())));
    }
  }
  if (header.command() == "chat.user.talk" || header.command() == "chat.group.talk") {
    return take_message(header, body, now_ns);
  }
  output(fmt::format("push {}, {} bytes", printable(header.command()), body.size()));
}

void Session::take_message(const pkt::Header& header, ByteView body, std::int64_t now_ns) {
  pkt::MessagePush message;
  if (!parse_body(body, message)) return problem("a message that was pushed cannot be read");
  const bool group = header.command() == "chat.group.talk";
  output(fmt::format("from {}{}{}: {} (message id {})", printable(message.sender()),
                     group ? " in " : "", group ? printable(header.dest()) : std::string{},
                     printable(message.body()), message.messageid()));
  if (state_ == State::kClosing) return;  // nothing may follow our close frame
  pkt::MessageAckReq ack;
  ack.set_messageid(message.messageid());
  send_request({Request::Kind::kAck, {}}, "chat.talk.ack", {}, ack.SerializeAsString(), now_ns);
}

}  // namespace ringgate::client
