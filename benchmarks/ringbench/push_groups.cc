#include "benchmarks/ringbench/push_groups.h"

#include <algorithm>
#include <cstring>

#include "codec/rewrite.h"

namespace ringgate::bench {
namespace {

OutgoingHeader push_header(std::string_view command, std::uint32_t sequence) {
  OutgoingHeader header;
  header.command = command;
  header.sequence = sequence;
  header.flag = Flag::kPush;
  return header;
}

// Where the sequence of a packet of that command stands: what precedes it does not depend on the
// receivers.
std::size_t find_sequence(std::string_view command) {
  const OutgoingHeader low = push_header(command, kFirstPushSequence);
  const OutgoingHeader high = push_header(command, kFirstPushSequence * 2 - 1);
  std::vector<std::uint8_t> one(framed_packet_bytes(low, 0));
  std::vector<std::uint8_t> other(one.size());
  write_framed_packet(one.data(), low, {});
  write_framed_packet(other.data(), high, {});
  return static_cast<std::size_t>(std::ranges::mismatch(one, other).in1 - one.begin());
}

// The only varints of five bytes whose last byte is 1: of [2^28, 2^29).
void write_sequence(std::uint8_t* to, std::uint32_t sequence) noexcept {
  for (int i = 0; i < 4; ++i, sequence >>= 7) {
    to[i] = static_cast<std::uint8_t>((sequence & 0x7f) | 0x80);
  }
  to[4] = static_cast<std::uint8_t>(sequence);
}

}  // namespace

PushGroups::PushGroups(std::string_view command, unsigned fanout, std::size_t body_bytes)
    : command_(command),
      fanout_(std::max(fanout, 1U)),
      sequence_at_(find_sequence(command)),
      body_(std::max(body_bytes, kPushStampBytes)) {
  write_push_body(body_, {});
}

void PushGroups::build(const ServiceChannels& channels) {
  groups_.clear();
  packets_.clear();
  heads_.clear();
  next_ = {};
  channels.for_each([this](const PlayedChannel& channel) {
    if (!channel.link) return;
    add_receiver(channel, *channel.link);
    if (next_.receivers == fanout_) end_group();
  });
  if (next_.receivers > 0) end_group();
}

void PushGroups::add_receiver(const PlayedChannel& channel, LinkId link) {
  auto same = std::ranges::find(by_link_, link, &Receivers::link);
  if (same == by_link_.end()) {
    by_link_.push_back({link, channel.gateway_id, {}});
    same = by_link_.end() - 1;
  }
  std::string& list = same->channels;
  if (!list.empty() && list.size() + 1 + channel.id.size() > kMaxDestChannelsBytes) {
    add_packet(*same);
    list.clear();
  }
  if (!list.empty()) list += ',';
  list += channel.id;
  ++next_.receivers;
}

void PushGroups::end_group() {
  for (const Receivers& one : by_link_) add_packet(one);
  by_link_.clear();
  const auto packets = static_cast<std::uint32_t>(packets_.size());
  next_.packets = packets - next_.first_packet;
  groups_.push_back(next_);
  next_ = {.first_packet = packets};
}

void PushGroups::add_packet(const Receivers& receivers) {
  OutgoingHeader header = push_header(command_, kFirstPushSequence);
  header.dest_server = receivers.gateway_id;
  header.dest_channels = receivers.channels;
  const std::size_t bytes = framed_packet_bytes(header, body_.size());
  scratch_.resize(bytes);
  write_framed_packet(scratch_.data(), header, body_);
  const std::size_t head_bytes = bytes - body_.size();
  packets_.push_back({.link = receivers.link,
                      .bytes = static_cast<std::uint32_t>(bytes),
                      .head_bytes = static_cast<std::uint32_t>(head_bytes),
                      .head_begin = heads_.size()});
  heads_.insert(heads_.end(), scratch_.begin(),
                scratch_.begin() + static_cast<std::ptrdiff_t>(head_bytes));
}

void PushGroups::stamp(const PushStamp& stamp) noexcept {
  write_push_body(MutableBytes(body_).first(kPushStampBytes), stamp);
  sequence_ = kFirstPushSequence | (stamp.number & (kFirstPushSequence - 1));
}

void PushGroups::write(const PushPacket& packet, std::uint8_t* to) const noexcept {
  std::memcpy(to, heads_.data() + packet.head_begin, packet.head_bytes);
  write_sequence(to + sequence_at_, sequence_);
  std::memcpy(to + packet.head_bytes, body_.data(), body_.size());
}

}  // namespace ringgate::bench
