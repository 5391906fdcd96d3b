#include "services/gateway/parts/pushes/fan_outs.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "services/gateway/parts/pushes/channel_list.h"

namespace ringgate {
namespace {

// The first bytes of what is behind a FanOut in its block.
const std::uint8_t* bytes_behind(const FanOut& one) noexcept {
  return reinterpret_cast<const std::uint8_t*>(&one) + sizeof(FanOut);
}

std::uint8_t* put(std::uint8_t* to, ByteView bytes) noexcept {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

}  // namespace

std::string_view FanOut::channels_left() const noexcept {
  return as_text({bytes_behind(*this) + channels_at, head.channels_bytes - channels_at});
}

Delivery FanOut::delivery() const noexcept {
  Delivery delivery;
  delivery.head = head;
  const std::uint8_t* const header = bytes_behind(*this) + head.channels_bytes;
  delivery.header.pieces[0] = {header, head.header_bytes};
  delivery.header.bytes = head.header_bytes;
  delivery.tail = {header + head.header_bytes, tail_bytes};
  delivery.shared = shared;
  return delivery;
}

FanOuts::~FanOuts() {
  while (!empty()) drop_first();
}

bool FanOuts::is_large(std::string_view channels, std::size_t bytes) noexcept {
  constexpr std::size_t kLeastId = kChannelUniqueBytes;  // and a name, and a comma
  const std::size_t at_most = channels.size() / kLeastId + 1;
  if (at_most <= kMostAtOnce && at_most * bytes <= kMostBytesAtOnce) [[likely]]
    return false;
  const auto most = static_cast<std::uint32_t>(
      std::clamp<std::size_t>(kMostBytesAtOnce / std::max<std::size_t>(bytes, 1), 1, kMostAtOnce));
  return count_channels(channels, most + 1) > most;
}

bool FanOuts::add(const Delivery& delivery, std::string_view channels) {
  const std::size_t header_bytes = delivery.header.bytes;
  const Block block =
      pool_.try_take(sizeof(FanOut) + channels.size() + header_bytes + delivery.tail.size());
  if (block.data == nullptr) return false;
  auto* const one = new (block.data) FanOut;
  one->head = delivery.head;
  one->head.channels_bytes = static_cast<std::uint32_t>(channels.size());
  one->head.header_bytes = static_cast<std::uint32_t>(header_bytes);
  one->block_bytes = block.capacity;
  one->tail_bytes = static_cast<std::uint32_t>(delivery.tail.size());
  std::uint8_t* to = put(block.data + sizeof(FanOut), as_bytes(channels));
  for (const ByteView piece : delivery.header.pieces) to = put(to, piece);
  put(to, delivery.tail);
  if (last_ == nullptr) {
    first_ = one;
  } else {
    last_->next = one;
  }
  last_ = one;
  bytes_ += one->block_bytes;
  return true;
}

void FanOuts::drop_first() noexcept {
  FanOut* const one = first_;
  first_ = one->next;
  bytes_ -= one->block_bytes;
  if (one->shared != nullptr) SharedBlock::release(pool_, one->shared);
  pool_.give({reinterpret_cast<std::uint8_t*>(one), one->block_bytes});
  if (first_ != nullptr) return;
  last_ = nullptr;
  all_marked_ = false;
  epoch_ = epoch_ == UINT8_MAX ? 1 : static_cast<std::uint8_t>(epoch_ + 1);
}

}  // namespace ringgate
