#include "control/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <utility>

#include "codec/utf8.h"

namespace ringgate {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first, as the formatters want them.
constexpr std::array<Unit, 3> kSizeUnits{
    {{"gib", 1024 * 1024 * 1024}, {"mib", 1024 * 1024}, {"kib", 1024}}};
constexpr std::array<Unit, 4> kTimeUnits{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

std::size_t count_digits(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// Bytes of the UTF-8 sequence that `lead` starts; 1 for what starts none.
std::size_t sequence_bytes(unsigned char lead) {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc2 ? 2 : 1;
}

// Ends of lines, and what turns the direction of what follows: a text could show another than it
// is.
bool misleads(std::string_view sequence) {
  const auto last = static_cast<unsigned char>(sequence.back());
  if (sequence.starts_with("\xe2\x80")) {  // U+200E, U+200F; U+2028 to U+202E
    return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
  }
  if (sequence.starts_with("\xe2\x81")) return last >= 0xa6 && last <= 0xa9;  // U+2066 to U+2069
  return sequence == "\xd8\x9c";                                              // U+061C
}

bool is_printable(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead >= 0x20 && lead < 0x7f;
  if (!is_utf8(sequence) || misleads(sequence)) return false;
  return lead != 0xc2 || static_cast<unsigned char>(sequence[1]) >= 0xa0;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || count_digits(text) != text.size()) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::optional<bool> parse_switch(std::string_view text) {
  const std::string word = lower_case(text);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t digits = count_digits(text);
  const auto number = parse_number(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string suffix = lower_case(trim(text.substr(digits)));
  if (suffix.empty()) return number;
  for (const Unit& unit : kSizeUnits) {
    if (unit.name == suffix) return multiply(*number, unit.factor);
  }
  return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 3> kSpelling{"GiB", "MiB", "KiB"};
  for (std::size_t i = 0; bytes != 0 && i < kSizeUnits.size(); ++i) {
    const std::uint64_t factor = kSizeUnits[i].factor;
    if (bytes % factor == 0) return fmt::format("{}{}", bytes / factor, kSpelling[i]);
  }
  return fmt::format("{}", bytes);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t total_ms = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const std::size_t digits = count_digits(text);
    const auto number = parse_number(text.substr(0, digits));
    text.remove_prefix(digits);
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const std::string_view name = text.substr(0, letters);
    text.remove_prefix(letters);
    const auto unit = std::ranges::find(kTimeUnits, name, &Unit::name);
    if (!number || unit == kTimeUnits.end()) return std::nullopt;
    const auto part = multiply(*number, unit->factor);
    if (!part || *part > kMost - total_ms) return std::nullopt;
    total_ms += *part;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(total_ms));
}

std::string format_duration(std::chrono::milliseconds time) {
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
  if (ms == 0) return "0s";
  for (const Unit& unit : kTimeUnits) {
    if (ms % unit.factor == 0) return fmt::format("{}{}", ms / unit.factor, unit.name);
  }
  return fmt::format("{}ms", ms);
}

std::optional<std::chrono::microseconds> parse_microseconds(std::string_view text) {
  constexpr std::uint64_t kMost = 1'000'000'000'000;
  if (text.ends_with("us")) {
    const auto number = parse_number(text.substr(0, text.size() - 2));
    if (!number || *number > kMost) return std::nullopt;
    return std::chrono::microseconds(static_cast<std::int64_t>(*number));
  }
  const auto time = parse_duration(text);
  if (!time || *time > std::chrono::microseconds(kMost)) return std::nullopt;
  return *time;
}

std::string format_microseconds(std::chrono::microseconds time) {
  if (time.count() % 1000 == 0) {
    return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(time));
  }
  return fmt::format("{}us", time.count());
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    std::string_view sequence = text.substr(0, sequence_bytes(static_cast<unsigned char>(text[0])));
    if (is_printable(sequence)) {
      result.append(sequence);
    } else {
      sequence = text.substr(0, 1);
      const auto byte = static_cast<unsigned char>(text[0]);
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned>(byte));
    }
    text.remove_prefix(sequence.size());
  }
  return result;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace ringgate
