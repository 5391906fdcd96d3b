#include "dataplane/connection.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace ringgate {

std::uint8_t next_user_kind() noexcept {
  static std::atomic<std::uint8_t> last{0};  // one for all shards of a process
  const auto kind = static_cast<std::uint8_t>(last.fetch_add(1) + 1);
  RINGGATE_CHECK(kind != 0);
  return kind;
}

bool Carry::append(BlockPool& pool, ByteView bytes) {
  if (bytes.empty()) return true;
  if (size + bytes.size() > capacity) {
    const std::size_t wanted = std::max(size + bytes.size(), std::size_t{capacity} * 2);
    Block grown = pool.try_take_to_go_on(wanted);
    if (grown.data == nullptr) grown = pool.try_take_to_go_on(size + bytes.size());
    if (grown.data == nullptr) return false;
    if (size > 0) std::memcpy(grown.data, data, size);
    if (data != nullptr) pool.give({data, capacity});
    data = grown.data;
    capacity = grown.capacity;
  }
  std::memcpy(data + size, bytes.data(), bytes.size());
  size += static_cast<std::uint32_t>(bytes.size());
  return true;
}

void Carry::drop_front(BlockPool& pool, std::size_t bytes) noexcept {
  if (bytes == 0 && size > 0) return;
  size -= static_cast<std::uint32_t>(bytes);
  if (size > 0) {
    std::memmove(data, data + bytes, size);
    return;
  }
  if (data != nullptr) pool.give({data, capacity});
  data = nullptr;
  capacity = 0;
}

}  // namespace ringgate
