// What an account has missed: first which messages, then what they say.
#include "codec/pkt.pb.h"
#include "services/handlers/chat_commands.h"

namespace ringgate::chat {
namespace {

constexpr int kMostContents = 200;

}  // namespace

Task offline_index(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::MessageIndexReq> asked = context.parse<pkt::MessageIndexReq>();
  if (!asked) co_return;
  auto reading = context.messages().ask(ReadMessageIndex{
      caller->message_app, caller->account, asked->message_id(), context.received_ns()});
  const auto missed = co_await reading;
  if (!missed) {
    context.fail(missed.error());
    co_return;
  }
  pkt::MessageIndexResp answer;
  for (const MessageIndexEntry& entry : *missed) {  // direction 0: received
    pkt::MessageIndex& index = *answer.add_indexes();
    index.set_message_id(entry.message_id);
    index.set_send_time(entry.send_time_ns);
    index.set_accountb(entry.sender);
    index.set_group(entry.group_id);
  }
  context.respond(Status::kSuccess, answer);
}

// Clients put contents and the ids that they asked for together by their places, so that each id
// has one: an empty one, where it is nobody's or not the caller's.
Task offline_content(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::MessageContentReq> asked = context.parse<pkt::MessageContentReq>();
  if (!asked) co_return;
  if (asked->message_ids().empty()) {
    context.fail(Status::kInvalidPacketBody, "the request names no message");
    co_return;
  }
  if (asked->message_ids_size() > kMostContents) {
    context.fail(Status::kSystemException, "the request names more than 200 messages");
    co_return;
  }
  const std::vector<std::int64_t> ids(asked->message_ids().begin(), asked->message_ids().end());
  auto reading = context.messages().ask(ReadMessages{caller->message_app, caller->account, ids});
  const auto read = co_await reading;
  if (!read) {
    context.fail(read.error());
    co_return;
  }
  pkt::MessageContentResp answer;
  for (std::size_t i = 0; i < read->size(); ++i) {
    pkt::MessageContent& content = *answer.add_contents();
    const std::optional<MessageBody>& body = (*read)[i];
    if (!body) continue;
    content.set_messageid(ids[i]);
    content.set_type(body->type);
    content.set_body(body->body);
    content.set_extra(body->extra);
  }
  context.respond(Status::kSuccess, answer);
}

}  // namespace ringgate::chat
