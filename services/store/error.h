// What a store says when it could not do what it was asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

namespace ringgate {

// Each is answered with status 300.
enum class StoreError : std::uint8_t {
  kUnavailable,  // no connection, or the store refused
  kFull,         // too many requests wait for it
  kTimeout,
  kBadName,  // an account, app or id that may not be part of a key: codec/names.h
};
inline constexpr std::size_t kStoreErrors = 4;

// A sentence for people.
[[nodiscard]] std::string_view describe(StoreError error) noexcept;
// "unavailable": the label of a metric.
[[nodiscard]] std::string_view name_of(StoreError error) noexcept;

template <class T>
using StoreResult = std::expected<T, StoreError>;

}  // namespace ringgate
