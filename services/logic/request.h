// A request as its handler sees it: what the gateway sent, and the ways to answer and to push.
//
// Request is for handlers that answer within the call: its views are parts of the receive buffer.
// Context is for coroutine handlers: it owns a copy of everything, and lives as long as the
// coroutine. Both on the shard's thread only.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codec/header_scan.h"
#include "services/logic/delays.h"
#include "services/logic/outbox.h"
#include "services/logic/stall_watch.h"
#include "services/logic/task.h"
#include "services/store/message_ids.h"
#include "services/store/messages.h"
#include "services/store/sessions.h"

namespace ringgate {

// What handlers use of their shard's service.
struct LogicShard {
  Outbox& outbox;
  SessionStore* sessions;  // null: this service has none
  MessageIds& message_ids;
  MessageStore* messages;  // null: this service has none
  Delays& delays;
  std::uint32_t login_answer_delay_ms;  // on links of gateways of other makes
  std::string body;                     // scratch
  StallWatch stalls{};
};

struct RequestView {
  std::string_view command;
  std::string_view channel_id;
  std::string_view dest;
  std::string_view account;
  std::string_view app;
  std::string_view gateway_id;
  std::string_view boot;
  ByteView body;
  std::uint32_t sequence = 0;
  ConnectionHandle link;
};

class Request {
 public:
  Request(LogicShard& shard, const RequestView& view) noexcept : shard_(shard), view_(view) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  [[nodiscard]] std::string_view command() const noexcept { return view_.command; }
  // Of the client that asks.
  [[nodiscard]] std::string_view channel_id() const noexcept { return view_.channel_id; }
  [[nodiscard]] std::uint32_t sequence() const noexcept { return view_.sequence; }
  [[nodiscard]] std::string_view dest() const noexcept { return view_.dest; }
  // As the gateway has authenticated the client; empty in a sign-out.
  [[nodiscard]] std::string_view account() const noexcept { return view_.account; }
  [[nodiscard]] std::string_view app() const noexcept { return view_.app; }
  // Of the link, whatever the packet says.
  [[nodiscard]] std::string_view gateway_id() const noexcept { return view_.gateway_id; }
  // Of a gateway of ours: which of its lives it is in; empty: it is of another make.
  [[nodiscard]] std::string_view boot() const noexcept { return view_.boot; }
  [[nodiscard]] ByteView body() const noexcept { return view_.body; }
  [[nodiscard]] const RequestView& view() const noexcept { return view_; }
  [[nodiscard]] LogicShard& shard() const noexcept { return shard_; }

  // The body as that message. Nothing: it is not one, and has been answered with 101.
  template <class Message>
  [[nodiscard]] std::optional<Message> parse() {
    std::optional<Message> message(std::in_place);
    if (!parse_into(*message)) message.reset();
    return message;
  }

  // Answers. Only the first answer of a request is sent.
  void respond(Status status, ByteView body = {});
  void respond(Status status, const google::protobuf::MessageLite& body);
  // Answers with an ErrorResp. `text` is for people.
  void fail(Status status, std::string_view text);
  [[nodiscard]] bool answered() const noexcept { return answered_; }

  // To every receiver but the channel that asks. Who cannot be reached is counted, not reported.
  void push(std::span<const Location> receivers, const google::protobuf::MessageLite& body);
  void push(const Location& receiver, const google::protobuf::MessageLite& body) {
    push(std::span(&receiver, 1), body);
  }

 private:
  [[nodiscard]] bool parse_into(google::protobuf::MessageLite& message);
  [[nodiscard]] ByteView serialize(const google::protobuf::MessageLite& message);

  LogicShard& shard_;
  RequestView view_;
  bool answered_ = false;
};

// The copy's bytes: first base, so that they are there before the views into them.
class RequestBytes {
 protected:
  explicit RequestBytes(const RequestView& view);
  [[nodiscard]] RequestView view_of_copy(const RequestView& original) const noexcept;

  std::string bytes_;
};

class Context : private RequestBytes, public Request {
 public:
  explicit Context(const Request& request);

  // For services that were made with a session store.
  [[nodiscard]] SessionStore& sessions() const noexcept { return *shard().sessions; }
  [[nodiscard]] MessageIds& message_ids() const noexcept { return shard().message_ids; }
  // For services that were made with a message store.
  [[nodiscard]] MessageStore& messages() const noexcept { return *shard().messages; }
  // When the request came in, by the precise wall clock: Unix ns.
  [[nodiscard]] std::int64_t received_ns() const noexcept { return received_ns_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + bytes_.capacity();
  }

  // Answers 300 with the error's text.
  void fail(StoreError error) { Request::fail(Status::kSystemException, describe(error)); }
  using Request::fail;

  Task task;  // of the service

 private:
  std::int64_t received_ns_;
};

}  // namespace ringgate
