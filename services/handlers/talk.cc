// Talks to accounts and to groups. In this order: the talk is stored, then its receivers are looked
// for, then it is pushed. Whoever logs in meanwhile is either found, or finds it in the index.
#include "codec/names.h"
#include "codec/pkt.pb.h"
#include "services/handlers/chat_commands.h"

namespace ringgate::chat {
namespace {

// An account or the id of a group. False: it is answered.
bool has_receiver(Context& context) {
  if (context.dest().empty()) {
    context.fail(Status::kNoDestination, "the packet says no receiver");
  } else if (!is_valid_account(context.dest())) {
    context.fail(Status::kNoDestination, "the receiver is no name that one may have");
  } else {
    return true;
  }
  return false;
}

// The message that the packet holds, with an id of its own. Nothing: it is answered.
std::optional<Message> message_of(Context& context, const Caller& caller,
                                  const ChatOptions& options) {
  std::optional<pkt::MessageReq> asked = context.parse<pkt::MessageReq>();
  if (!asked) return std::nullopt;
  if (asked->body().size() > options.max_body_bytes ||
      asked->extra().size() > options.max_extra_bytes) {
    fail_too_long(context, "the message is longer than messages may be");
    return std::nullopt;
  }
  const std::optional<std::int64_t> id = next_message_id(context);
  if (!id) return std::nullopt;
  Message message;
  message.id = *id;
  message.send_time_ns = context.received_ns();
  message.sender = caller.account;
  message.content.type = asked->type();
  message.content.body = std::move(*asked->mutable_body());
  message.content.extra = std::move(*asked->mutable_extra());
  return message;
}

pkt::MessagePush push_of(const Message& message) {
  pkt::MessagePush push;
  push.set_messageid(message.id);
  push.set_type(message.content.type);
  push.set_body(message.content.body);
  push.set_extra(message.content.extra);
  push.set_sender(message.sender);
  push.set_sendtime(message.send_time_ns);
  return push;
}

void answer_success(Context& context, const Message& message) {
  pkt::MessageResp answer;
  answer.set_messageid(message.id);
  answer.set_sendtime(message.send_time_ns);
  context.respond(Status::kSuccess, answer);
}

}  // namespace

Task user_talk(Context& context, const ChatOptions& options) {
  if (!has_receiver(context)) co_return;
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  std::optional<Message> message = message_of(context, *caller, options);
  if (!message) co_return;

  auto storing = context.messages().ask(
      TalkToUser{caller->message_app, std::string(context.dest()), *message});
  const auto stored = co_await storing;
  if (!stored) {
    context.fail(stored.error());
    co_return;
  }
  message->send_time_ns = stored->send_time_ns;
  auto locating = context.sessions().locate(context.dest(), caller->app);
  const auto online = co_await locating;
  push_to_found(context, online, push_of(*message));
  answer_success(context, *message);
}

// Existing services answer a talk to a group that is not there with success, too.
Task group_talk(Context& context, const ChatOptions& options) {
  if (!has_receiver(context)) co_return;
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  std::optional<Message> message = message_of(context, *caller, options);
  if (!message) co_return;

  const bool members_only = !options.anyone_talks_to_groups;
  auto storing = context.messages().ask(
      TalkToGroup{caller->message_app, std::string(context.dest()), *message, members_only});
  const auto stored = co_await storing;
  if (!stored) {
    context.fail(stored.error());
    co_return;
  }
  if (stored->exists && members_only && !stored->belongs) {
    context.fail(Status::kUnauthorized, "only members of the group and its owner may talk to it");
    co_return;
  }
  message->send_time_ns = stored->send_time_ns;
  auto locating = context.sessions().locate_many(stored->members, caller->app);
  const auto online = co_await locating;
  push_to_found(context, online, stored->members.size(), push_of(*message));
  answer_success(context, *message);
}

Task talk_ack(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::MessageAckReq> asked = context.parse<pkt::MessageAckReq>();
  if (!asked) co_return;
  auto acking =
      context.messages().ask(AckMessages{caller->message_app, caller->account, asked->messageid()});
  const auto acked = co_await acking;
  if (!acked) {
    context.fail(acked.error());
    co_return;
  }
  context.respond(Status::kSuccess);
}

}  // namespace ringgate::chat
