// The commands of the chat service, one coroutine each, and what they share. Used by chat.cc.
//
// On the shard's thread. The options outlive every request.
#pragma once

#include <coroutine>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/handlers/chat.h"
#include "services/logic/counters.h"
#include "services/logic/request.h"
#include "services/logic/task.h"

namespace ringgate::chat {

using Command = Task(Context& context, const ChatOptions& options);

Task user_talk(Context& context, const ChatOptions& options);
Task group_talk(Context& context, const ChatOptions& options);
Task talk_ack(Context& context, const ChatOptions& options);
Task offline_index(Context& context, const ChatOptions& options);
Task offline_content(Context& context, const ChatOptions& options);
Task group_create(Context& context, const ChatOptions& options);
Task group_join(Context& context, const ChatOptions& options);
Task group_quit(Context& context, const ChatOptions& options);
Task group_members(Context& context, const ChatOptions& options);
Task group_detail(Context& context, const ChatOptions& options);

// Who asks, as the session has it, whatever the packet says.
struct Caller {
  std::string account;
  std::string app;          // of the session
  std::string message_app;  // whose messages and groups there are to see
};

// Asks the session store who is on the request's channel: every command begins with it.
//
//   CallerCall asking(context, options);
//   const std::optional<Caller> caller = co_await asking;
//   if (!caller) co_return;                        // it is answered
class [[nodiscard]] CallerCall {
 public:
  CallerCall(Context& context, const ChatOptions& options)
      : context_(context), options_(options), call_(context.sessions().get(context.channel_id())) {}

  bool await_ready() const noexcept { return call_.await_ready(); }
  bool await_suspend(std::coroutine_handle<> waiting) { return call_.await_suspend(waiting); }
  std::optional<Caller> await_resume();

 private:
  Context& context_;
  const ChatOptions& options_;
  StoreCall<GetSession> call_;
};

// Nothing: it is answered.
[[nodiscard]] std::optional<std::int64_t> next_message_id(Context& context);

// To those of them who are online. What it is about is in the message store already: those of whom
// the session store cannot tell where they are find it in their index. They are counted, and no
// failure.
void push_to_found(Context& context, const StoreResult<LocateAccounts::Answer>& found,
                   std::size_t asked, const google::protobuf::MessageLite& body);
void push_to_found(Context& context, const StoreResult<std::optional<Location>>& found,
                   const google::protobuf::MessageLite& body);

// Counts the refusal and answers it with 300.
void fail_too_long(Context& context, std::string_view what);

}  // namespace ringgate::chat
