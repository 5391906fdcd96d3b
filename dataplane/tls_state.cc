#include "dataplane/tls_state.h"

#include <new>

#include "codec/tls/content_type.h"

namespace ringgate {

TlsWire* TlsWire::create(BlockPool& pool, std::size_t bytes) {
  const Block memory = pool.try_take_to_go_on(sizeof(TlsWire) + bytes);
  if (memory.data == nullptr) return nullptr;
  auto* const wire = new (memory.data) TlsWire;
  wire->capacity = memory.capacity;
  wire->end = static_cast<std::uint32_t>(bytes);
  return wire;
}

void TlsWire::release(BlockPool& pool, TlsWire* wire) noexcept {
  pool.give({reinterpret_cast<std::uint8_t*>(wire), wire->capacity});
}

std::size_t whole_tls_records(ByteView bytes) noexcept {
  constexpr std::uint8_t kFirstType = 20;  // ChangeCipherSpec
  std::size_t whole = 0;
  while (true) {
    const ByteView rest = bytes.subspan(whole);
    if (rest.empty()) return whole;
    const bool is_record = rest[0] >= kFirstType && rest[0] <= tls::kDataType;
    if (!is_record || (rest.size() > 1 && rest[1] != 3)) return bytes.size();
    if (rest.size() < tls::kRecordHeadBytes) return whole;
    const std::size_t record = tls::record_bytes(rest);
    if (record > tls::kMaxRecordBytes) return bytes.size();
    if (rest.size() < record) return whole;
    whole += record;
  }
}

}  // namespace ringgate
