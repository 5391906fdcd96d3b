// Messages between the two processes of a takeover: text, and open files with it (SCM_RIGHTS,
// unix(7)), over SOCK_SEQPACKET in the abstract namespace. That belongs to the network namespace,
// as the ports do, and needs no folder that both may write to.
//
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"
#include "control/base/unique_fd.h"

namespace ringgate::handover {

inline constexpr std::size_t kMaxText = 4096;
inline constexpr std::size_t kMaxFiles = 200;  // of a message; the kernel takes 253

struct Message {
  std::string text;
  std::vector<UniqueFd> files;
};

enum class Received : std::uint8_t { kMessage, kNothingYet, kEnd };

// Neither waits, but for receive() on a socket that does. An error is the connection's end.
[[nodiscard]] Result<void> send(int socket, std::string_view text, std::span<const int> files = {});
[[nodiscard]] Received receive(int socket, Message& message);

// Where the process that listens at an address ("127.0.0.1:8001", "unix:/run/ringgate.sock") hears
// of a takeover.
[[nodiscard]] Result<UniqueFd> listen_for(std::string_view printed);
// To it; an empty one: nobody listens there.
[[nodiscard]] Result<UniqueFd> connect_to(std::string_view printed);

// Whether the other end runs as our user: nobody else may have our ports, or give us some.
[[nodiscard]] bool is_our_user(int socket);
[[nodiscard]] int process_of(int socket);

}  // namespace ringgate::handover
