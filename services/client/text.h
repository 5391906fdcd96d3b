// What the terminal client understands and what it says. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringgate::client {

struct Command {
  enum class Kind : std::uint8_t { kNothing, kPing, kTalk, kEcho, kQuit, kHelp, kInvalid };
  Kind kind = Kind::kNothing;
  std::string to;    // kTalk: the account
  std::string text;  // kTalk, kEcho: the text; kInvalid: what to say
};

// One line without its line end. Words are separated by spaces or tabs; a text goes to the end of
// the line.
[[nodiscard]] Command parse_command(std::string_view line);

[[nodiscard]] std::string_view help() noexcept;

// A sentence about a status other than Success, with the number in it.
[[nodiscard]] std::string explain_status(std::uint32_t status);

// Unix nanoseconds as "2026-01-02T03:04:05.678Z".
[[nodiscard]] std::string format_utc(std::int64_t unix_ns);

}  // namespace ringgate::client
