#include "benchmarks/ringbench/service_channels.h"

#include <utility>

namespace ringgate::bench {

void ServiceChannels::add(PlayedChannel channel) {
  remove(channel.id);
  const std::uint64_t login = next_login_++;
  by_id_.insert_or_assign(channel.id, login);
  by_account_.insert_or_assign(channel.account, login);
  channels_.emplace_hint(channels_.end(), login, std::move(channel));
  ++version_;
}

// The account may belong to a newer login by now.
void ServiceChannels::remove(std::string_view id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  const auto channel = channels_.find(known->second);
  const auto account = by_account_.find(channel->second.account);
  if (account != by_account_.end() && account->second == known->second) by_account_.erase(account);
  channels_.erase(channel);
  by_id_.erase(known);
  ++version_;
}

void ServiceChannels::on_link_up(LinkId link, std::string_view gateway_id) {
  for (auto& [login, channel] : channels_) {
    if (channel.link || channel.gateway_id != gateway_id) continue;
    channel.link = link;
    ++version_;
  }
}

void ServiceChannels::on_link_down(LinkId link, std::optional<LinkId> other) {
  for (auto& [login, channel] : channels_) {
    if (channel.link != link) continue;
    channel.link = other;
    ++version_;
  }
}

const PlayedChannel* ServiceChannels::of_account(std::string_view account) const {
  const auto known = by_account_.find(account);
  return known == by_account_.end() ? nullptr : &channels_.at(known->second);
}

}  // namespace ringgate::bench
