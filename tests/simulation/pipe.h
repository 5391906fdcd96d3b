// Bytes on their way in one direction of a connection, in order.
#pragma once

#include <cstddef>
#include <vector>

#include "codec/bytes.h"

namespace ringgate::sim {

class Pipe {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - at_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] ByteView view() const noexcept { return ByteView(bytes_).subspan(at_); }

  void push(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  // Room for so many more, to be filled at once.
  [[nodiscard]] std::uint8_t* extend(std::size_t bytes) {
    bytes_.resize(bytes_.size() + bytes);
    return bytes_.data() + bytes_.size() - bytes;
  }
  void drop(std::size_t bytes) noexcept {
    at_ += bytes;
    if (at_ == bytes_.size()) {
      clear();
    } else if (at_ > kCompactBytes && at_ > bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
      at_ = 0;
    }
  }
  void clear() noexcept {
    bytes_.clear();
    at_ = 0;
  }

 private:
  static constexpr std::size_t kCompactBytes = 4096;

  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

}  // namespace ringgate::sim
