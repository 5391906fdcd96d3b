#include "dataplane/outstanding.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "dataplane/check.h"

namespace ringgate {
namespace {

template <class T>
T* zeroed(std::size_t count) {
  void* const memory = std::calloc(count, sizeof(T));
  RINGGATE_CHECK(memory != nullptr);
  return static_cast<T*>(memory);
}

}  // namespace

void OutstandingTable::Deleter::operator()(void* memory) const noexcept {
  std::free(memory);
}

OutstandingTable::OutstandingTable(std::uint32_t max)
    : max_(std::max(max, 1u)),
      bucket_mask_(std::bit_ceil(max_) - 1),
      entries_(zeroed<Entry>(std::size_t{max_} + 1)),
      buckets_(zeroed<std::uint32_t>(std::size_t{bucket_mask_} + 1)) {}

std::uint32_t OutstandingTable::bucket_of(std::uint32_t login,
                                          std::uint32_t sequence) const noexcept {
  // Login numbers and sequences count up; a multiplication spreads neighbours over the table.
  const std::uint64_t key = (std::uint64_t{login} << 32) | sequence;
  return static_cast<std::uint32_t>((key * 0x9E3779B97F4A7C15ull) >> 32) & bucket_mask_;
}

bool OutstandingTable::add(const OutstandingRequest& request, std::uint32_t now_ms) noexcept {
  if (size_ == max_) return false;
  std::uint32_t index = free_;
  if (index != 0) {
    free_ = entries_[index].next_in_bucket;
  } else {
    index = untouched_++;
  }
  Entry& entry = entries_[index];
  entry.slot = request.slot;
  entry.login = request.login;
  entry.sequence = request.sequence;
  entry.sent_ms = now_ms;
  entry.command_bytes = 0;
  if (request.command.size() <= kCommandBytes) {
    entry.command_bytes = static_cast<std::uint8_t>(request.command.size());
    std::memcpy(entry.command.data(), request.command.data(), request.command.size());
  }
  std::uint32_t& bucket = buckets_[bucket_of(request.login, request.sequence)];
  entry.next_in_bucket = bucket;
  bucket = index;
  entry.older = newest_;
  entry.newer = 0;
  if (newest_ != 0) {
    entries_[newest_].newer = index;
  } else {
    oldest_ = index;
  }
  newest_ = index;
  ++size_;
  return true;
}

std::uint32_t* OutstandingTable::find(std::uint32_t login, std::uint32_t sequence) noexcept {
  // The newest stands first in a bucket: the last that matches is the oldest.
  std::uint32_t* found = nullptr;
  std::uint32_t* link = &buckets_[bucket_of(login, sequence)];
  while (*link != 0) {
    Entry& entry = entries_[*link];
    if (entry.login == login && entry.sequence == sequence) found = link;
    link = &entry.next_in_bucket;
  }
  return found;
}

bool OutstandingTable::retire(std::uint32_t login, std::uint32_t sequence) noexcept {
  std::uint32_t* const found = find(login, sequence);
  if (found == nullptr) return false;
  unlink(*found, found);
  return true;
}

bool OutstandingTable::take(std::uint32_t login, std::uint32_t sequence,
                            OutstandingRequest& request) noexcept {
  std::uint32_t* const found = find(login, sequence);
  if (found == nullptr) return false;
  request = remember(*found);
  unlink(*found, found);
  return true;
}

OutstandingRequest OutstandingTable::remember(std::uint32_t index) noexcept {
  taken_ = entries_[index];
  return {
      taken_.slot, taken_.login, taken_.sequence, {taken_.command.data(), taken_.command_bytes}};
}

void OutstandingTable::unlink(std::uint32_t index, std::uint32_t* bucket_link) noexcept {
  Entry& entry = entries_[index];
  *bucket_link = entry.next_in_bucket;
  if (entry.older != 0) {
    entries_[entry.older].newer = entry.newer;
  } else {
    oldest_ = entry.newer;
  }
  if (entry.newer != 0) {
    entries_[entry.newer].older = entry.older;
  } else {
    newest_ = entry.older;
  }
  entry.next_in_bucket = free_;
  free_ = index;
  --size_;
}

OutstandingRequest OutstandingTable::take_oldest() noexcept {
  const std::uint32_t index = oldest_;
  const OutstandingRequest request = remember(index);
  std::uint32_t* link = &buckets_[bucket_of(request.login, request.sequence)];
  while (*link != index) link = &entries_[*link].next_in_bucket;
  unlink(index, link);
  return request;
}

}  // namespace ringgate
