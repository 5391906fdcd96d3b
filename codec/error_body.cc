#include "codec/error_body.h"

#include <algorithm>
#include <cstring>

namespace ringgate {
namespace {

constexpr std::uint8_t kTagMessage = 0x0a;
constexpr std::size_t kHeadBytes = 2;  // tag and length

}  // namespace

ErrorBody::ErrorBody(std::string_view text) noexcept {
  if (text.empty()) return;
  text = text.substr(0, kMaxErrorTextBytes);
  bytes_[0] = kTagMessage;
  bytes_[1] = static_cast<std::uint8_t>(text.size());
  std::memcpy(bytes_.data() + kHeadBytes, text.data(), text.size());
  size_ = kHeadBytes + text.size();
}

std::string_view error_text(ByteView body) noexcept {
  if (body.size() < kHeadBytes || body[0] != kTagMessage || body[1] > kMaxErrorTextBytes) return {};
  return as_text(body.subspan(kHeadBytes))
      .substr(0, std::min<std::size_t>(body[1], body.size() - kHeadBytes));
}

}  // namespace ringgate
