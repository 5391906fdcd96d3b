#include "codec/retry_hint.h"

#include <algorithm>
#include <charconv>

namespace ringgate {
namespace {

constexpr std::string_view kBetween = "; ";
constexpr std::string_view kIn = "retry_in_ms=";
constexpr std::string_view kAt = "at=";

char* put(char* to, std::string_view text) noexcept {
  return std::copy(text.begin(), text.end(), to);
}

}  // namespace

std::string_view write_retry_hint(RetryHintText& to, const RetryHint& hint) noexcept {
  char* end = put(put(to.data(), kBetween), kIn);
  end = std::to_chars(end, to.data() + to.size(), hint.in_ms).ptr;
  if (!hint.at.empty() && hint.at.size() <= kMaxRetryAtBytes) {
    end = put(put(put(end, kBetween), kAt), hint.at);
  }
  return {to.data(), static_cast<std::size_t>(end - to.data())};
}

std::optional<RetryHint> parse_retry_hint(std::string_view reason) noexcept {
  RetryHint hint;
  bool found = false;
  for (std::size_t at = reason.find(kBetween); at != std::string_view::npos;) {
    reason.remove_prefix(at + kBetween.size());
    at = reason.find(kBetween);
    const std::string_view part = reason.substr(0, at);
    if (part.starts_with(kIn)) {
      const char* const end = part.data() + part.size();
      const auto [stop, error] = std::from_chars(part.data() + kIn.size(), end, hint.in_ms);
      found = error == std::errc() && stop == end;
    } else if (part.starts_with(kAt)) {
      hint.at = part.substr(kAt.size());
    }
  }
  return found ? std::optional(hint) : std::nullopt;
}

}  // namespace ringgate
