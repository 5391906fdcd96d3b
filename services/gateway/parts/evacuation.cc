#include "services/gateway/parts/evacuation.h"

#include <algorithm>
#include <utility>

#include "dataplane/silence.h"
#include "services/gateway/channel.h"

namespace ringgate {
namespace {

// Looking for them costs a look at all, so several are chosen at once.
constexpr std::size_t kBatch = 1024;

}  // namespace

void Evacuation::begin(const EvacuateMail& mail) {
  if (active_) end();
  if (context_.draining) return;  // all go
  order_ = mail;
  told_ = reported_ = 0;
  credit_millionths_ = 0;
  next_.clear();
  active_ = true;
  context_.farewells.begin(mail.farewell, GatewayClose::kEvacuated);
}

void Evacuation::on_tick() {
  if (!active_) return;
  if (context_.draining) {
    active_ = false;
    return;
  }
  credit_millionths_ += order_.thousandths_per_second * context_.shard.options().sweep_ms;
  std::uint64_t left = credit_millionths_ / kDrainCredit;
  credit_millionths_ %= kDrainCredit;
  for (; left > 0 && told_ < order_.clients; --left) {
    if (next_.empty()) choose();
    if (next_.empty()) return end();
    const Candidate candidate = next_.back();
    next_.pop_back();
    Connection* const connection = context_.shard.find(candidate.client);
    if (connection == nullptr || !connection->open()) continue;
    if (context_.farewells.ask(*connection, Farewells::Patience::kAll)) ++told_;
  }
  if (told_ >= order_.clients) return end();
  if (std::exchange(reported_, told_) != told_) report(false);
}

void Evacuation::choose() {
  context_.shard.table().for_each_client([this](const Connection& connection) {
    const Channel* const channel = connection.open() ? channel_of(connection) : nullptr;
    if (channel == nullptr || channel->leaving) return;
    if (channel->state != ChannelState::kLoggedIn) return;
    next_.push_back({key_of(connection, *channel), connection.handle()});
  });
  const std::size_t most = std::min({next_.size(), kBatch, std::size_t{order_.clients - told_}});
  const auto end = next_.begin() + static_cast<std::ptrdiff_t>(most);
  std::ranges::partial_sort(next_, end, std::ranges::greater(), &Candidate::key);
  next_.erase(end, next_.end());
  std::ranges::reverse(next_);
}

std::uint64_t Evacuation::key_of(const Connection& connection, const Channel& channel) const {
  if (order_.first == EvacuateFirst::kNewest) return channel.login;
  return silent_ms(connection, context_.shard.now_ms());
}

// Who was asked and waits for an answer still goes with it.
void Evacuation::end() {
  active_ = false;
  next_.clear();
  next_.shrink_to_fit();
  if (order_.clients == 0) context_.farewells.end();
  report(true);
}

void Evacuation::report(bool has_ended) {
  context_.shard.mail_surely(
      context_.shard.control(), kMailEvacuated,
      EvacuatedMail{order_.number, told_, static_cast<std::uint8_t>(has_ended ? 1 : 0)});
}

}  // namespace ringgate
