#include "services/handlers/chat.h"

#include "codec/names.h"
#include "codec/pkt.pb.h"
#include "services/handlers/login.h"

namespace ringgate {
namespace {

pkt::MessagePush push_of(const pkt::MessageReq& message, const pkt::MessageResp& answer,
                         const std::string& sender) {
  pkt::MessagePush push;
  push.set_messageid(answer.messageid());
  push.set_type(message.type());
  push.set_body(message.body());
  push.set_extra(message.extra());
  push.set_sender(sender);
  push.set_sendtime(answer.sendtime());
  return push;
}

Task user_talk(Context& context) {
  if (context.dest().empty()) {
    context.fail(Status::kNoDestination, "the packet says no receiver");
    co_return;
  }
  if (!is_valid_account(context.dest())) {
    context.fail(Status::kNoDestination, "the receiver is no name that an account may have");
    co_return;
  }
  auto getting = context.sessions().get(context.channel_id());
  const auto session = co_await getting;
  if (!session) {
    context.fail(session.error());
    co_return;
  }
  if (!session->has_value()) {
    context.fail(Status::kSessionNotFound, "this channel is not logged in");
    co_return;
  }
  const std::optional<pkt::MessageReq> message = context.parse<pkt::MessageReq>();
  if (!message) co_return;
  const std::optional<std::int64_t> id = context.message_ids().next();
  if (!id) {
    context.fail(Status::kSystemException, "no message ids can be given out at the moment");
    co_return;
  }
  pkt::MessageResp answer;
  answer.set_messageid(*id);
  answer.set_sendtime(context.received_ns());

  auto locating = context.sessions().locate(context.dest(), (*session)->app());
  const auto receiver = co_await locating;
  if (!receiver) {
    context.fail(receiver.error());
    co_return;
  }
  if (receiver->has_value()) {
    const pkt::MessagePush push = push_of(*message, answer, (*session)->account());
    context.push(**receiver, push);
  }
  context.respond(Status::kSuccess, answer);
}

void talk_ack(Request& request) {
  if (!request.parse<pkt::MessageAckReq>()) return;
  request.respond(Status::kSuccess);
}

}  // namespace

void add_chat_handlers(Router& router) {
  add_login_handlers(router);
  router.handle("chat.user.talk", user_talk);
  router.handle("chat.talk.ack", talk_ack);
}

}  // namespace ringgate
