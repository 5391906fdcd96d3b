// An exception out of a handler: counted on its shard, and told to control, which logs it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "services/logic/request.h"

namespace ringgate {

// Shards to control; may be lost, there are more like it. Both texts are cut to what fits.
struct HandlerFailedMail {
  std::uint8_t command_bytes;
  std::uint8_t what_bytes;
  std::array<char, 62> command;
  std::array<char, 128> what;  // of a std::exception
};

// Within a catch block, on the request's shard.
void note_exception(Request& request) noexcept;

// A line for the log. What a client chose of it is printable.
[[nodiscard]] std::string describe(const HandlerFailedMail& mail);

}  // namespace ringgate
