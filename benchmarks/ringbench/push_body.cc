#include "benchmarks/ringbench/push_body.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace ringgate::bench {
namespace {

constexpr std::size_t kTimeDigits = 16;
constexpr std::size_t kNumberDigits = 8;
constexpr std::size_t kReceiverDigits = 8;
static_assert(kTimeDigits + kNumberDigits == kPushStampBytes);
static_assert(kPushStampBytes + kReceiverDigits == kTalkStampBytes);

template <class Number>
bool read_hex(std::string_view digits, Number& value) noexcept {
  const auto [stopped, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc{} && stopped == digits.data() + digits.size();
}

}  // namespace

void write_hex(MutableBytes to, std::uint64_t value) noexcept {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t i = to.size(); i > 0; --i, value >>= 4) {
    to[i - 1] = static_cast<std::uint8_t>(kHex[value & 0xf]);
  }
}

void write_push_body(MutableBytes to, const PushStamp& stamp) noexcept {
  write_hex(to.first(kTimeDigits), stamp.sent_ns);
  write_hex(to.subspan(kTimeDigits, kNumberDigits), stamp.number);
  std::fill(to.begin() + kPushStampBytes, to.end(), std::uint8_t{'x'});
}

std::optional<PushStamp> read_push_stamp(ByteView body) noexcept {
  if (body.size() < kPushStampBytes) return std::nullopt;
  const std::string_view text = as_text(body);
  PushStamp stamp;
  if (!read_hex(text.substr(0, kTimeDigits), stamp.sent_ns) ||
      !read_hex(text.substr(kTimeDigits, kNumberDigits), stamp.number)) {
    return std::nullopt;
  }
  return stamp;
}

void write_talk_text(MutableBytes to, const PushStamp& stamp, std::uint32_t receiver) noexcept {
  write_push_body(to, stamp);
  write_hex(to.subspan(kPushStampBytes, kReceiverDigits), receiver);
}

std::optional<std::uint32_t> read_talk_receiver(ByteView text) noexcept {
  if (text.size() < kTalkStampBytes) return std::nullopt;
  std::uint32_t receiver = 0;
  const std::string_view digits = as_text(text).substr(kPushStampBytes, kReceiverDigits);
  if (!read_hex(digits, receiver)) return std::nullopt;
  return receiver;
}

}  // namespace ringgate::bench
