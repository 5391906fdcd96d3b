#include "services/handlers/chat.h"

#include <memory>

#include "control/config/config.h"
#include "services/handlers/chat_commands.h"
#include "services/handlers/login.h"

namespace ringgate {

ChatOptions chat_options(const Config& config) {
  ChatOptions options;
  options.default_app = config.default_app;
  options.anyone_talks_to_groups = config.group_talk == GroupTalk::kAnyone;
  options.max_body_bytes = config.max_message_body_bytes;
  options.max_extra_bytes = config.max_message_extra_bytes;
  options.max_content_bytes = config.max_offline_content_bytes;
  options.max_group_text_bytes = config.max_group_text_bytes;
  return options;
}

void add_chat_handlers(Router& router, const ChatOptions& options) {
  add_login_handlers(router);
  // What coroutines refer to stays where it is while the router lives.
  const auto kept = std::make_shared<const ChatOptions>(options);
  const auto add = [&](const char* command, chat::Command* handle) {
    router.handle(command, [kept, handle](Context& context) { return handle(context, *kept); });
  };
  add("chat.user.talk", chat::user_talk);
  add("chat.group.talk", chat::group_talk);
  add("chat.talk.ack", chat::talk_ack);
  add("chat.offline.index", chat::offline_index);
  add("chat.offline.content", chat::offline_content);
  add("chat.group.create", chat::group_create);
  add("chat.group.join", chat::group_join);
  add("chat.group.quit", chat::group_quit);
  add("chat.group.members", chat::group_members);
  add("chat.group.detail", chat::group_detail);
}

}  // namespace ringgate
