#include "benchmarks/floors/block_log.h"

#include <algorithm>

#include "codec/rewrite.h"

namespace ringgate::bench {
namespace {

void write_hex(std::uint8_t* to, std::size_t digits, std::uint64_t value) noexcept {
  for (std::size_t at = digits; at > 0; --at) {
    to[at - 1] = static_cast<std::uint8_t>("0123456789abcdef"[value & 0xf]);
    value >>= 4;
  }
}

// What is left of a service's push when a gateway has taken the channels out.
OutgoingHeader push_header() {
  OutgoingHeader header;
  header.command = "chat.group.talk";
  header.sequence = 1;
  header.flag = Flag::kPush;
  return header;
}

}  // namespace

BlockLog::BlockLog(std::size_t body_bytes)
    : block_bytes_(framed_packet_bytes(push_header(), body_bytes)),
      body_begin_(block_bytes_ - body_bytes),
      blocks_(kBlocksKept * block_bytes_) {
  const std::vector<std::uint8_t> body(body_bytes, 'x');
  for (std::size_t at = 0; at < blocks_.size(); at += block_bytes_) {
    write_framed_packet(blocks_.data() + at, push_header(), body);
  }
}

std::uint64_t BlockLog::write(std::uint64_t intended_ns, std::uint32_t deliveries) noexcept {
  const std::size_t place = next_ % kBlocksKept;
  std::uint8_t* const body = blocks_.data() + place * block_bytes_ + body_begin_;
  write_hex(body, kTimeDigits, intended_ns);
  write_hex(body + kTimeDigits, kNumberDigits, next_);
  held_[place] = deliveries;
  if (deliveries > 0) ++in_flight_;
  return next_++;
}

}  // namespace ringgate::bench
