#include "benchmarks/ringbench/push_groups.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "codec/rewrite.h"

namespace ringgate::bench {
PushGroups::PushGroups(std::string_view command, std::string_view account_prefix, unsigned fanout,
                       std::size_t body_bytes)
    : command_(command),
      account_prefix_(account_prefix),
      fanout_(std::max(fanout, 1U)),
      body_(std::max(body_bytes, kPushStampBytes)) {
  write_push_body(body_, {});
}

std::optional<std::uint32_t> PushGroups::client_of(std::string_view account) const {
  if (!account.starts_with(account_prefix_)) return std::nullopt;
  account.remove_prefix(account_prefix_.size());
  std::uint32_t client = 0;
  const auto [end, error] =
      std::from_chars(account.data(), account.data() + account.size(), client);
  if (error != std::errc{} || end != account.data() + account.size()) return std::nullopt;
  return client;
}

void PushGroups::build(const ServiceChannels& channels) {
  groups_.clear();
  packets_.clear();
  heads_.clear();
  next_ = {};
  struct Member {
    std::uint32_t group;
    std::size_t login;
    const PlayedChannel* channel;
    LinkId link;
  };
  std::vector<Member> members;
  members.reserve(channels.size());
  std::uint32_t strangers = 0;
  channels.for_each([&](const PlayedChannel& channel) {
    if (!channel.link) return;
    const auto client = client_of(channel.account);
    members.push_back(
        {(client ? *client : strangers++) / fanout_, members.size(), &channel, *channel.link});
  });
  std::ranges::sort(members, {}, [](const Member& one) { return std::pair(one.group, one.login); });
  for (const auto& [group, login, channel, link] : members) {
    if (next_.receivers > 0 && group != next_number_) end_group();
    next_number_ = group;
    add_receiver(*channel, link);
  }
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
  OutgoingHeader header;
  header.command = command_;
  header.sequence = push_sequence(next_number_);
  header.flag = Flag::kPush;
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
}

void PushGroups::write(const PushPacket& packet, std::uint8_t* to) const noexcept {
  std::memcpy(to, heads_.data() + packet.head_begin, packet.head_bytes);
  std::memcpy(to + packet.head_bytes, body_.data(), body_.size());
}

}  // namespace ringgate::bench
