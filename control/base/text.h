// The spelling of single values in a configuration, and of what others say. Pure functions, any
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringgate {

std::string lower_case(std::string_view text);  // ASCII only.
std::string_view trim(std::string_view text);   // Of spaces, tabs and line ends.

// The parts between commas, trimmed; empty ones are left out.
std::vector<std::string> split_commas(std::string_view text);

// Decimal digits only; nothing on overflow.
std::optional<std::uint64_t> parse_number(std::string_view text);

std::optional<bool> parse_switch(std::string_view text);  // true/false, yes/no, on/off

// "4096", "64KiB", "16MiB", "1GiB", any case.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

// "250ms", "10s", "2m", "48h", "1m30s". A number without a unit is nothing, but for 0.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds time);
// The same for short times, "300us" too.
std::optional<std::chrono::microseconds> parse_microseconds(std::string_view text);
std::string format_microseconds(std::chrono::microseconds time);

// Whether an ASCII control character is in it, a line end for example.
bool has_control(std::string_view text);

// Text of others for a terminal or a line of the log: control characters (which could move the
// cursor or worse), what turns the direction of writing, the line ends of Unicode and bytes that
// are not UTF-8 become escapes such as \x1b, so that one message is one line and reads as it is.
[[nodiscard]] std::string printable(std::string_view text);

// The number of single-character edits between them.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace ringgate
