#include "services/gateway/upstreams/outstanding.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>

namespace ringgate {
namespace {

// A full table has chains of this length. More buckets would be searched no faster: they would not
// stay in the cache.
constexpr std::uint32_t kEntriesPerBucket = 8;

template <class T>
T* zeroed(std::size_t count) {
  void* const memory = std::calloc(count, sizeof(T));
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

}  // namespace

void OutstandingTable::Deleter::operator()(void* memory) const noexcept {
  std::free(memory);
}

OutstandingTable::OutstandingTable(std::uint32_t max)
    : max_(std::max(max, 1u)),
      bucket_mask_(std::bit_ceil(std::max(max_ / kEntriesPerBucket, 1u)) - 1),
      entries_(zeroed<Entry>(std::size_t{max_} + 1)),
      buckets_(zeroed<Bucket>(std::size_t{bucket_mask_} + 1)),
      salt_((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {}

std::uint32_t OutstandingTable::bucket_of(std::uint32_t login,
                                          std::uint32_t sequence) const noexcept {
  // Login numbers and sequences count up; multiplications spread neighbours over the table, and
  // the salt between them keeps where they land a secret.
  std::uint64_t key = ((std::uint64_t{login} << 32) | sequence) * 0x9E3779B97F4A7C15ull;
  key = ((key ^ (key >> 32)) + salt_) * 0xD6E8FEB86659FD93ull;
  return static_cast<std::uint32_t>(key >> 32) & bucket_mask_;
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
  entry.sent_us = request.sent_us;
  entry.service = request.service;
  entry.command_bytes = 0;
  if (request.command.size() <= kCommandBytes) {
    entry.command_bytes = static_cast<std::uint8_t>(request.command.size());
    std::memcpy(entry.command.data(), request.command.data(), request.command.size());
  }
  Bucket& bucket = buckets_[bucket_of(request.login, request.sequence)];
  entry.next_in_bucket = 0;
  entry.previous_in_bucket = bucket.last;
  if (bucket.last != 0) {
    entries_[bucket.last].next_in_bucket = index;
  } else {
    bucket.first = index;
  }
  bucket.last = index;
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

std::uint32_t OutstandingTable::find(std::uint32_t login, std::uint32_t sequence) const noexcept {
  std::uint32_t index = buckets_[bucket_of(login, sequence)].first;
  while (index != 0 && (entries_[index].login != login || entries_[index].sequence != sequence)) {
    index = entries_[index].next_in_bucket;
  }
  return index;
}

std::optional<OutstandingTable::Retired> OutstandingTable::retire(std::uint32_t login,
                                                                  std::uint32_t sequence) noexcept {
  const std::uint32_t found = find(login, sequence);
  if (found == 0) return std::nullopt;
  const Entry& entry = entries_[found];
  const Retired retired{entry.sent_us, entry.service, {entry.command.data(), entry.command_bytes}};
  remove(found);
  return retired;
}

bool OutstandingTable::take(std::uint32_t login, std::uint32_t sequence,
                            OutstandingRequest& request) noexcept {
  const std::uint32_t found = find(login, sequence);
  if (found == 0) return false;
  request = remember(found);
  remove(found);
  return true;
}

OutstandingRequest OutstandingTable::take_oldest() noexcept {
  const std::uint32_t index = oldest_;
  const OutstandingRequest request = remember(index);
  remove(index);
  return request;
}

OutstandingRequest OutstandingTable::remember(std::uint32_t index) noexcept {
  taken_ = entries_[index];
  return {taken_.slot,     taken_.login,
          taken_.sequence, {taken_.command.data(), taken_.command_bytes},
          taken_.sent_us,  taken_.service};
}

// Out of its bucket, out of the order of age, onto the free list.
void OutstandingTable::remove(std::uint32_t index) noexcept {
  Entry& entry = entries_[index];
  Bucket& bucket = buckets_[bucket_of(entry.login, entry.sequence)];
  (entry.previous_in_bucket != 0 ? entries_[entry.previous_in_bucket].next_in_bucket
                                 : bucket.first) = entry.next_in_bucket;
  (entry.next_in_bucket != 0 ? entries_[entry.next_in_bucket].previous_in_bucket : bucket.last) =
      entry.previous_in_bucket;
  (entry.older != 0 ? entries_[entry.older].newer : oldest_) = entry.newer;
  (entry.newer != 0 ? entries_[entry.newer].older : newest_) = entry.older;
  entry.next_in_bucket = free_;
  free_ = index;
  --size_;
}

}  // namespace ringgate
