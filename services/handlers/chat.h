// The chat service: every `chat.*` of the protocol, served from the message store; and `login.*`,
// which existing gateways send to the service named chat.
#pragma once

#include <cstddef>
#include <string>

#include "services/logic/router.h"

namespace ringgate {

struct Config;

struct ChatOptions {
  // As the session store has it: where accounts without an app belong; "*": where all belong.
  std::string default_app = "kim";
  bool anyone_talks_to_groups = false;  // else their members and owners
  // Beyond these: 300.
  std::size_t max_body_bytes = 20'000;
  std::size_t max_extra_bytes = 2'000;
  std::size_t max_content_bytes = 8 * 1024 * 1024;  // of the messages in an answer; the rest is not
  std::size_t max_group_text_bytes = 2'000;         // a name, an avatar, an introduction: each
};
[[nodiscard]] ChatOptions chat_options(const Config& config);

// The service has to keep messages (LogicUse): the handlers ask Context::messages().
void add_chat_handlers(Router& router, const ChatOptions& options = {});

}  // namespace ringgate
