// The fields of an encoded protobuf message, one after the other, without building anything: for
// what has to be known of bytes before protobuf itself is asked to parse them.
//
// Inlined, any thread, no allocation. Views are parts of the input.
#pragma once

#include <cstdint>

#include "codec/bytes.h"

namespace ringgate {

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroupBegin = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  ByteView bytes;  // kBytes: what it holds
};

// Groups are not nested: their begin, their fields and their end come as fields of the message.
class FieldWalk {
 public:
  explicit FieldWalk(ByteView message) noexcept : left_(message) {}

  // False: the end, or what follows is no field; well_formed() tells.
  [[nodiscard]] bool next(WireField& field) noexcept {
    if (left_.empty()) return false;
    std::uint64_t tag = 0;
    good_ = take_varint(tag) && tag >> 3U != 0 && tag <= 0xffff'ffff;
    if (!good_) return false;
    field.number = static_cast<std::uint32_t>(tag >> 3U);
    field.type = static_cast<WireType>(tag & 7U);
    field.bytes = {};
    good_ = take_value(field);
    return good_;
  }
  [[nodiscard]] bool well_formed() const noexcept { return good_; }

 private:
  // At most ten bytes; bits above 64 are lost, as in protobuf.
  bool take_varint(std::uint64_t& value) noexcept {
    value = 0;
    for (unsigned i = 0; i < 10 && i < left_.size(); ++i) {
      const std::uint64_t byte = left_[i];
      value |= (byte & 0x7fU) << (7 * i);
      if (byte < 0x80) {
        left_ = left_.subspan(i + 1);
        return true;
      }
    }
    return false;
  }
  bool skip(std::uint64_t bytes) noexcept {
    if (bytes > left_.size()) return false;
    left_ = left_.subspan(static_cast<std::size_t>(bytes));
    return true;
  }
  bool take_value(WireField& field) noexcept {
    std::uint64_t value = 0;
    switch (field.type) {
      case WireType::kVarint:
        return take_varint(value);
      case WireType::kFixed64:
        return skip(8);
      case WireType::kFixed32:
        return skip(4);
      case WireType::kBytes:
        if (!take_varint(value) || value > left_.size()) return false;
        field.bytes = left_.first(static_cast<std::size_t>(value));
        return skip(value);
      case WireType::kGroupBegin:
      case WireType::kGroupEnd:
        return true;
    }
    return false;
  }

  ByteView left_;
  bool good_ = true;
};

}  // namespace ringgate
