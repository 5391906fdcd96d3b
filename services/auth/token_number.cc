#include "services/auth/token_number.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace ringgate {
namespace {

constexpr double kHuge = 9223372036854775808.0;  // 2^63: the first that an int64 does not hold

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// What strtod takes beyond JSON: leading zeros, and a point without digits behind it.
bool is_json_number(std::string_view text) noexcept {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || !is_digit(text[0])) return false;
  if (text[0] == '0' && text.size() > 1 && is_digit(text[1])) return false;
  const std::size_t point = text.find('.');
  return point == std::string_view::npos || (point + 1 < text.size() && is_digit(text[point + 1]));
}

// The number that begins at `begin` and ends before `end`.
bool shorten(std::string& json, std::size_t begin, std::size_t end) {
  const std::string_view text = std::string_view(json).substr(begin, end - begin);
  char* stop = nullptr;
  const double value = std::strtod(json.c_str() + begin, &stop);
  if (stop != json.c_str() + end || !is_json_number(text)) return false;
  if (std::fabs(value) < kHuge) return false;
  const std::string_view far = value < 0 ? "-9e99" : "9e99";  // the shortest huge number has four
  std::fill_n(std::ranges::copy(far, json.begin() + static_cast<std::ptrdiff_t>(begin)).out,
              text.size() - far.size(), ' ');
  return true;
}

}  // namespace

std::optional<std::int64_t> read_numeric_date(simdjson::dom::element value, Fraction fraction) {
  if (value.is<std::int64_t>()) {
    return std::clamp(value.get<std::int64_t>().value_unsafe(), -kFarFutureSeconds,
                      kFarFutureSeconds);
  }
  if (value.is<std::uint64_t>()) return kFarFutureSeconds;
  if (!value.is<double>()) return std::nullopt;
  const double seconds = value.get<double>().value_unsafe();
  if (!(std::fabs(seconds) < static_cast<double>(kFarFutureSeconds))) {
    return seconds < 0 ? -kFarFutureSeconds : kFarFutureSeconds;
  }
  return static_cast<std::int64_t>(fraction == Fraction::kDown ? std::floor(seconds)
                                                               : std::ceil(seconds));
}

bool shorten_huge_numbers(std::string& json) {
  bool any = false;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_text = !in_text;
    } else if (!in_text && (c == '-' || is_digit(c))) {
      const std::size_t end = std::min(json.find_first_not_of("+-.0123456789Ee", i), json.size());
      any |= shorten(json, i, end);
      i = end - 1;
    }
  }
  return any;
}

}  // namespace ringgate
