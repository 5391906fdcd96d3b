// The body of an HTTP request, read to its end and thrown away (RFC 9112, 6 and 7). Bytes in, a
// verdict out; it keeps none of them. What frames it is bounded as well: chunks may be a byte each,
// their extensions and the trailer as long as somebody likes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/bytes.h"

namespace ringgate {

inline constexpr std::size_t kMaxHttpBodyBytes = 4096;
inline constexpr std::size_t kMaxHttpBodyWireBytes = 4 * kMaxHttpBodyBytes;

enum class HttpBodyStatus : std::uint8_t { kNeedMore, kDone, kMalformed, kTooLong };

class HttpBody {
 public:
  // Of a Content-Length up to kMaxHttpBodyBytes.
  static HttpBody of_length(std::size_t bytes) noexcept;
  static HttpBody of_chunks() noexcept;

  // The verdict depends on the bytes alone, not on how they are cut. Nothing is read after it.
  [[nodiscard]] HttpBodyStatus feed(ByteView input) noexcept;
  // Whether there is anything in it; known once it is done.
  [[nodiscard]] bool is_empty() const noexcept { return body_bytes_ == 0; }

 private:
  enum class Stage : std::uint8_t {
    kLength,     // left_ bytes, and no more
    kSize,       // digits of a chunk's size
    kExtension,  // what follows them
    kSizeEnd,    // LF
    kData,       // left_ bytes of the chunk
    kDataCr,
    kDataLf,
    kTrailerLine,  // the beginning of one
    kTrailer,
    kTrailerLf,
    kLastLf,
  };
  [[nodiscard]] HttpBodyStatus take(std::uint8_t byte) noexcept;
  [[nodiscard]] HttpBodyStatus take_size(std::uint8_t byte) noexcept;
  [[nodiscard]] HttpBodyStatus expect(std::uint8_t byte, char wanted, Stage next) noexcept;
  [[nodiscard]] HttpBodyStatus line_to(std::uint8_t byte, Stage next) noexcept;

  Stage stage_ = Stage::kLength;
  bool has_digit_ = false;
  std::size_t left_ = 0;
  std::size_t body_bytes_ = 0;  // of all chunks so far, or of the length
  std::size_t wire_bytes_ = 0;
};

}  // namespace ringgate
