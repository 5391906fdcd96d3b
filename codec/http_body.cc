#include "codec/http_body.h"

#include "codec/percent.h"

namespace ringgate {
namespace {

bool is_in_a_line(std::uint8_t byte) noexcept {
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

}  // namespace

HttpBody HttpBody::of_length(std::size_t bytes) noexcept {
  HttpBody body;
  body.left_ = bytes;
  body.body_bytes_ = bytes;
  return body;
}

HttpBody HttpBody::of_chunks() noexcept {
  HttpBody body;
  body.stage_ = Stage::kSize;
  return body;
}

HttpBodyStatus HttpBody::feed(ByteView input) noexcept {
  for (const std::uint8_t byte : input) {
    if (++wire_bytes_ > kMaxHttpBodyWireBytes) return HttpBodyStatus::kTooLong;
    const HttpBodyStatus status = take(byte);
    if (status != HttpBodyStatus::kNeedMore) return status;
  }
  return HttpBodyStatus::kNeedMore;
}

HttpBodyStatus HttpBody::take(std::uint8_t byte) noexcept {
  switch (stage_) {
    case Stage::kLength:
      return --left_ == 0 ? HttpBodyStatus::kDone : HttpBodyStatus::kNeedMore;
    case Stage::kSize:
      return take_size(byte);
    case Stage::kExtension:
      return line_to(byte, Stage::kSizeEnd);
    case Stage::kSizeEnd:
      return expect(byte, '\n', left_ > 0 ? Stage::kData : Stage::kTrailerLine);
    case Stage::kData:
      if (--left_ == 0) stage_ = Stage::kDataCr;
      return HttpBodyStatus::kNeedMore;
    case Stage::kDataCr:
      return expect(byte, '\r', Stage::kDataLf);
    case Stage::kDataLf:
      has_digit_ = false;
      return expect(byte, '\n', Stage::kSize);
    case Stage::kTrailerLine:
      if (byte == '\r') return expect(byte, '\r', Stage::kLastLf);
      stage_ = Stage::kTrailer;
      return line_to(byte, Stage::kTrailerLf);
    case Stage::kTrailer:
      return line_to(byte, Stage::kTrailerLf);
    case Stage::kTrailerLf:
      return expect(byte, '\n', Stage::kTrailerLine);
    case Stage::kLastLf:
      return byte == '\n' ? HttpBodyStatus::kDone : HttpBodyStatus::kMalformed;
  }
  return HttpBodyStatus::kMalformed;
}

HttpBodyStatus HttpBody::take_size(std::uint8_t byte) noexcept {
  if (const int digit = hex_digit(byte); digit >= 0) {
    has_digit_ = true;
    left_ = left_ * 16 + static_cast<std::size_t>(digit);
    return body_bytes_ + left_ > kMaxHttpBodyBytes ? HttpBodyStatus::kTooLong
                                                   : HttpBodyStatus::kNeedMore;
  }
  if (!has_digit_ || (byte != ';' && byte != ' ' && byte != '\t' && byte != '\r')) {
    return HttpBodyStatus::kMalformed;
  }
  body_bytes_ += left_;
  stage_ = Stage::kExtension;
  return line_to(byte, Stage::kSizeEnd);
}

HttpBodyStatus HttpBody::expect(std::uint8_t byte, char wanted, Stage next) noexcept {
  if (byte != static_cast<std::uint8_t>(wanted)) return HttpBodyStatus::kMalformed;
  stage_ = next;
  return HttpBodyStatus::kNeedMore;
}

// A line's text up to its CR.
HttpBodyStatus HttpBody::line_to(std::uint8_t byte, Stage next) noexcept {
  if (byte == '\r') return expect(byte, '\r', next);
  return is_in_a_line(byte) ? HttpBodyStatus::kNeedMore : HttpBodyStatus::kMalformed;
}

}  // namespace ringgate
