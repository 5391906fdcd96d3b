#include "services/gateway/parts/roll_call.h"

#include <algorithm>
#include <utility>

#include "codec/rewrite.h"
#include "codec/session_text.h"
#include "control/routing/selector.h"
#include "services/gateway/mail.h"
#include "services/gateway/parts/kickout.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kMostChannels = 64;    // in a packet
constexpr std::uint32_t kFastPerTick = 2'000;  // channels
constexpr std::size_t kMostSaid = 128;         // packets without an answer
constexpr std::uint32_t kAgainMs = 1'000;      // after a part that was not taken; then longer
constexpr std::uint32_t kMostRoundDoublings = 2;
constexpr std::uint32_t kBeatAgainMs = 250;  // after a beat that was not taken; then longer
constexpr std::uint32_t kMostDoublings = 3;
constexpr std::uint32_t kFoundElsewhereMs = 5'000;  // to look again
constexpr std::uint8_t kLostTimes = 2;
constexpr std::string_view kEnds = "\x08\x01";  // RollCallReq.ends

}  // namespace

RollCall::RollCall(GatewayContext& context)
    : context_(context),
      id_(make_channel_id(context.options.gateway_id, {}, context.options.nonce,
                          context.shard.index(), 0, 0)),
      beat_at_ms_(context.shard.now_ms()),
      round_at_ms_(Clock::deadline(context.shard.now_ms(), context.options.roll_call_every_ms)) {
  said_.reserve(2 * kMostSaid);
}

void RollCall::on_tick() {
  expire();
  if (ending_) return tell_if_ended();
  if (context_.options.roll_call_beat_ms == 0) return;
  const std::uint32_t now_ms = context_.shard.now_ms();
  if (Clock::passed(now_ms, beat_at_ms_)) beat();
  if (beats_again_) beat_again();
  const bool may_begin = !in_round_ || (fast_next_ && !fast_);
  if (may_begin && Clock::passed(now_ms, round_at_ms_)) begin();
  if (in_round_) go_on();
}

void RollCall::begin() {
  in_round_ = true;
  rounds_failed_ = std::exchange(round_failed_, false) ? rounds_failed_ + 1 : 0;
  fast_ = std::exchange(fast_next_, false);
  slot_ = 0;
  credit_ = 0;
  round_at_ms_ = Clock::deadline(context_.shard.now_ms(), context_.options.roll_call_every_ms);
  context_.count(GatewayCounter::kRollCallRounds);
}

// --- That we live -------------------------------------------------------------------------------

void RollCall::beat() {
  beat_at_ms_ = Clock::deadline(context_.shard.now_ms(), context_.options.roll_call_beat_ms);
  context_.upstreams.for_each([this](Upstream& upstream) {
    if (upstream.takes_roll_calls && upstream.up) beat_to(upstream);
  });
}

void RollCall::beat_to(Upstream& upstream) {
  upstream.beats_again = false;
  if (!say(upstream, {}, 0)) not_taken(&upstream, false);
}

void RollCall::beat_again() {
  const std::uint32_t now_ms = context_.shard.now_ms();
  beats_again_ = false;
  context_.upstreams.for_each([&](Upstream& upstream) {
    if (!upstream.beats_again) return;
    beats_again_ = true;
    if (upstream.up && Clock::passed(now_ms, upstream.beat_at_ms)) beat_to(upstream);
  });
}

void RollCall::not_taken(Upstream* upstream, bool channels) {
  context_.count(GatewayCounter::kRollCallFailed);
  if (channels) return round_again();
  if (upstream == nullptr || upstream->beats_again || ending_) return;
  const std::uint32_t doublings = std::min(upstream->beats_failed++, kMostDoublings);
  upstream->beat_at_ms = Clock::deadline(context_.shard.now_ms(), kBeatAgainMs << doublings);
  upstream->beats_again = beats_again_ = true;
}

void RollCall::beat_now() {
  if (!ending_ && context_.options.roll_call_beat_ms != 0) beat();
}

bool RollCall::say(Upstream& upstream, std::string_view body, std::uint32_t channels) {
  OutgoingHeader header;
  header.command = kCommandRollCall;
  header.channel_id = id_;
  header.sequence = next_number_;
  header.dest_server = context_.options.gateway_id;
  const std::size_t bytes = framed_packet_bytes(header, body.size());
  std::uint8_t* to = nullptr;
  if (upstream.link != nullptr) {
    to = context_.shard.reserve(*upstream.link, bytes);
  } else {
    to = context_.shard.mail(upstream.home, kMailToLink,
                             ToLinkHead{upstream.id, upstream.epoch, 0, next_number_}, bytes);
  }
  if (to == nullptr) return false;
  write_framed_packet(to, header, as_bytes(body));
  said_.insert_or_assign(next_number_++, Said{upstream.id, context_.shard.now_ms(), channels > 0});
  context_.count(GatewayCounter::kRollCallSaid, channels);
  return true;
}

// What has no answer in the time that a login's may take will have none.
void RollCall::expire() {
  const std::uint32_t now_ms = context_.shard.now_ms();
  absl::erase_if(said_, [&](const auto& one) {
    const Said& said = one.second;
    if (now_ms - said.at_ms <= context_.options.login_answer_timeout_ms) return false;
    not_taken(context_.upstreams.find(said.upstream), said.channels);
    return true;
  });
}

// --- Who is there -------------------------------------------------------------------------------

void RollCall::round_again() {
  round_failed_ = true;
  round_within(kAgainMs << std::min(rounds_failed_, kMostRoundDoublings));
}

void RollCall::round_within(std::uint32_t ms) {
  const std::uint32_t at_ms = Clock::deadline(context_.shard.now_ms(), ms);
  if (static_cast<std::int32_t>(at_ms - round_at_ms_) < 0) round_at_ms_ = at_ms;
  fast_next_ = true;
}

// Slots that may be looked at in this tick.
std::uint32_t RollCall::budget() {
  if (fast_) return kFastPerTick;
  const std::uint64_t every_ms = context_.options.roll_call_every_ms;
  credit_ += std::uint64_t{context_.shard.table().client_high_water()} *
             context_.shard.options().sweep_ms * 2;  // twice as fast as it has to be
  const std::uint64_t slots = credit_ / every_ms;
  credit_ %= every_ms;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(slots, kFastPerTick));
}

void RollCall::go_on() {
  if (said_.size() >= kMostSaid) return;  // they are not taken as fast
  ConnectionTable& table = context_.shard.table();
  for (std::uint32_t left = budget(); left > 0 && slot_ < table.client_high_water(); ++slot_) {
    --left;
    Connection* const connection = table.at(slot_);
    if (connection == nullptr || !connection->open()) continue;
    const Channel* const channel = channel_of(*connection);
    if (channel == nullptr || channel->state != ChannelState::kLoggedIn || channel->kicked_out) {
      continue;
    }
    add(*connection, *channel);
  }
  for (auto& [upstream, batch] : batches_) flush(upstream, batch);
  in_round_ = slot_ < table.client_high_water();
}

void RollCall::add(Connection& connection, const Channel& channel) {
  const std::string_view account = channel.account(context_.options.gateway_id);
  const Upstream* const upstream =
      context_.routes.select("login", {channel.channel_crc, account, channel.app()}).upstream;
  if (upstream == nullptr) return round_again();
  if (!upstream->takes_roll_calls) return;
  Batch& batch = batches_[upstream->id];
  const std::string ip = connection.peer.ip();
  append_present(batch.text, {channel.id(), account, ip, channel.app()});
  if (++batch.channels >= kMostChannels) flush(upstream->id, batch);
}

void RollCall::flush(std::uint32_t id, Batch& batch) {
  if (batch.channels == 0) return;
  Upstream* const upstream = context_.upstreams.find(id);
  if (upstream == nullptr || !upstream->up || !say(*upstream, batch.text, batch.channels)) {
    not_taken(upstream, true);
  }
  batch.text.clear();
  batch.channels = 0;
}

// --- Answers ------------------------------------------------------------------------------------

void RollCall::take(const Delivery& delivery) {
  const auto found = said_.find(delivery.head.sequence);
  if (found == said_.end() || found->second.upstream != delivery.head.upstream) return;
  const Said said = found->second;
  said_.erase(found);
  Upstream* const upstream = context_.upstreams.find(said.upstream);
  const ByteView body = body_of_tail(delivery.tail);
  if (upstream == nullptr || delivery.head.success == 0 ||
      !answer_.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    not_taken(upstream, said.channels);
    return tell_if_ended();
  }
  if (!ending_ && (!upstream->roll_known || upstream->roll_epoch != answer_.epoch())) {
    round_within(0);
  }
  context_.count(GatewayCounter::kRollCallTaken);
  upstream->beats_failed = 0;
  upstream->roll_known = true;
  upstream->roll_epoch = answer_.epoch();
  for (const std::string& channel_id : answer_.lost()) lost(channel_id);
  tell_if_ended();
}

bool RollCall::is_telling() const noexcept {
  return std::ranges::any_of(said_, [](const auto& one) { return one.second.channels; });
}

void RollCall::lost(std::string_view channel_id) {
  const auto place = place_of(channel_id, context_.options.nonce);
  if (!place || place->shard != context_.shard.index()) return;
  Connection* const connection = context_.shard.at(place->slot);
  Channel* const channel =
      connection != nullptr && connection->open() ? channel_of(*connection) : nullptr;
  if (channel == nullptr || channel->id() != channel_id || channel->kicked_out) return;
  if (++channel->lost < kLostTimes) return round_within(kFoundElsewhereMs);
  context_.count(GatewayCounter::kRollCallLost);
  kick(*connection, *channel);
}

// As a kick-out that has come.
void RollCall::kick(Connection& connection, Channel& channel) {
  channel.kicked_out = true;
  if (!push_kickout(context_.shard, connection, channel.id())) return;
  end_kicked_out(context_, connection);
}

// --- The end ------------------------------------------------------------------------------------

// One shard says it, to all: they share a store, or have one each.
void RollCall::end_boot() {
  ending_ = true;
  said_.clear();  // what is without an answer does not matter any more
  if (context_.shard.index() == 0 && context_.options.roll_call_beat_ms != 0) {
    context_.upstreams.for_each([this](Upstream& upstream) {
      if (upstream.takes_roll_calls && upstream.up) say(upstream, kEnds, 0);
    });
  }
  tell_if_ended();
}

void RollCall::tell_if_ended() {
  if (!ending_ || told_ || !said_.empty()) return;
  told_ = true;
  context_.shard.mail_surely(context_.shard.control(), kMailBootEnded, {});
}

}  // namespace ringgate
