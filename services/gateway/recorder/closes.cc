#include "services/gateway/recorder/closes.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace ringgate {

Closes::Closes(BlockPool& pool, std::uint32_t most)
    : pool_(pool), most_(most), closes_(std::make_unique<Close[]>(most)) {}

std::uint32_t Closes::add(const Close& what, std::string_view id, std::string_view app) {
  Close& close = closes_[next_ % most_];
  const std::uint32_t forgotten = forget_record(close) ? 1 : 0;
  if (close.texts.data != nullptr) pool_.give(close.texts);
  close = what;
  close.row.id_bytes = static_cast<std::uint16_t>(id.size());
  close.row.app_bytes = static_cast<std::uint8_t>(app.size());
  if (!id.empty()) close.texts = pool_.try_take(id.size() + app.size());
  if (close.texts.data == nullptr) {  // nobody to name, or no memory for it
    close.row.id_bytes = 0;
    close.row.app_bytes = 0;
  } else {
    std::memcpy(close.texts.data, id.data(), id.size());
    if (!app.empty()) std::memcpy(close.texts.data + id.size(), app.data(), app.size());
  }
  ++next_;
  return forgotten;
}

bool Closes::forget_record(Close& close) noexcept {
  FlightRecord* const record = std::exchange(close.record, nullptr);
  if (record == nullptr) return false;
  pool_.give(
      {reinterpret_cast<std::uint8_t*>(record), BlockPool::capacity_of(sizeof(FlightRecord))});
  return true;
}

std::uint32_t Closes::forget_records(std::uint32_t now_ms, std::uint32_t after_ms) {
  std::uint32_t forgotten = 0;
  first_record_ = std::max(first_record_, oldest());
  for (; first_record_ < next_; ++first_record_) {
    Close& close = closes_[first_record_ % most_];
    if (now_ms - close.at_ms <= after_ms) break;
    if (forget_record(close)) ++forgotten;
  }
  return forgotten;
}

bool Closes::forget_oldest_record() {
  first_record_ = std::max(first_record_, oldest());
  while (first_record_ < next_) {
    if (forget_record(closes_[first_record_++ % most_])) return true;
  }
  return false;
}

}  // namespace ringgate
