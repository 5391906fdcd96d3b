#include "codec/pkt.pb.h"
#include "services/handlers/chat_commands.h"
#include "services/store/layout.h"

namespace ringgate::chat {

std::optional<Caller> CallerCall::await_resume() {
  const StoreResult<std::optional<pkt::Session>> session = call_.await_resume();
  if (!session) {
    context_.fail(session.error());
    return std::nullopt;
  }
  if (!session->has_value()) {
    context_.fail(Status::kSessionNotFound, "this channel is not logged in");
    return std::nullopt;
  }
  const pkt::Session& found = **session;
  return Caller{found.account(), found.app(),
                std::string(shared_app(found.app(), options_.default_app))};
}

std::optional<std::int64_t> next_message_id(Context& context) {
  const std::optional<std::int64_t> id = context.message_ids().next();
  if (!id) {
    context.fail(Status::kSystemException, "no message ids can be given out at the moment");
  }
  return id;
}

void push_to_found(Context& context, const StoreResult<LocateAccounts::Answer>& found,
                   std::size_t asked, const google::protobuf::MessageLite& body) {
  context.shard().outbox.shard().counters().add(LogicCounter::kReceiversNotLocated,
                                                found ? found->unknown : asked);
  if (found) context.push(found->found, body);
}

void push_to_found(Context& context, const StoreResult<std::optional<Location>>& found,
                   const google::protobuf::MessageLite& body) {
  if (!found) {
    context.shard().outbox.shard().counters().add(LogicCounter::kReceiversNotLocated);
  } else if (*found) {
    context.push(**found, body);
  }
}

void fail_too_long(Context& context, std::string_view what) {
  context.shard().outbox.shard().counters().add(LogicCounter::kTextTooLong);
  context.fail(Status::kSystemException, what);
}

}  // namespace ringgate::chat
