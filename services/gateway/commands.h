// The commands of the protocol, for metrics: a bounded set of labels whatever clients send.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "dataplane/counters.h"
#include "dataplane/transport.h"

namespace ringgate {

inline constexpr std::string_view kCommandSignIn = "login.signin";
inline constexpr std::string_view kCommandSignOut = "login.signout";
inline constexpr std::string_view kCommandRollCall = "login.rollcall";  // see parts/roll_call.h

inline constexpr std::array<std::string_view, 13> kKnownCommands = {
    kCommandSignIn,    kCommandSignOut,      "chat.user.talk",       "chat.group.talk",
    "chat.talk.ack",   "chat.offline.index", "chat.offline.content", "chat.group.create",
    "chat.group.join", "chat.group.quit",    "chat.group.members",   "chat.group.detail",
    "other",
};
inline constexpr std::size_t kOtherCommand = kKnownCommands.size() - 1;

[[nodiscard]] inline std::size_t command_index(std::string_view command) noexcept {
  for (std::size_t i = 0; i < kOtherCommand; ++i) {
    if (command == kKnownCommands[i]) return i;  // lengths differ mostly: cheap
  }
  return kOtherCommand;
}

// Written by one shard, read by any thread.
struct CommandCounters {
  struct In {
    std::array<Cell, kKnownCommands.size()> messages;
    std::array<Cell, kKnownCommands.size()> bytes;
  };
  std::array<In, 2> in;  // by Transport
  std::array<Cell, kKnownCommands.size()> bytes_out;

  // Which of kKnownCommands it is.
  std::size_t count_in(Transport transport, std::string_view command, std::size_t bytes) noexcept {
    In& counted = in[index_of(transport)];
    const std::size_t index = command_index(command);
    counted.messages[index].add(1);
    counted.bytes[index].add(bytes);
    return index;
  }
};

}  // namespace ringgate
