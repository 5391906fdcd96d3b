#include "services/gateway/parts/signouts.h"

#include <cstring>

#include "codec/session_text.h"
#include "control/routing/selector.h"
#include "services/gateway/mail.h"

namespace ringgate {

// What the client had sent before is done with its session, wherever it is done: a sign-out on
// another link would overtake it. At the end of the process there may be no time to wait.
void Signouts::sign_out(Channel& channel) {
  if (channel.outstanding > 0 && !context_.draining) {
    ended_early_.emplace(channel.login, &channel);
    ended_early_order_.push_back({channel.login, context_.shard.now_ms()});
    return;
  }
  say(channel);
  Channel::destroy(context_.shard.pool(), &channel);
}

void Signouts::say(const Channel& channel) {
  const Ended ended{channel.id(), channel.app(), channel.channel_crc};
  expect_confirmation(channel.login, ended);
  if (waiting_.empty() && forward(ended)) return;
  wait(ended);
}

// A service of another make answers too, but does what it does only once.
void Signouts::expect_confirmation(std::uint32_t login, const Ended& channel) {
  const std::string_view account = account_of(channel.id, context_.options.gateway_id);
  const Upstream* const upstream =
      context_.routes.select("login", {channel.crc, account, channel.app}).upstream;
  if (upstream == nullptr || !upstream->takes_roll_calls) return;
  if (unconfirmed_.size() >= context_.options.max_signouts) {
    context_.count(GatewayCounter::kSignoutsNotRepeated);
    return;
  }
  const std::uint32_t now_ms = context_.shard.now_ms();
  unconfirmed_.insert_or_assign(
      login, Waiting{std::string(channel.id), std::string(channel.app), channel.crc, now_ms});
  repeats_.push_back({login, now_ms});
}

void Signouts::confirmed(std::uint32_t login, bool success) {
  if (success) unconfirmed_.erase(login);
}

void Signouts::gone(std::string_view channel_id, std::uint32_t login) {
  if (unconfirmed_.contains(login) || !waiting_.empty()) return;
  const Ended ended{channel_id, {}, crc32_ieee(channel_id)};
  if (!forward(ended)) return;
  context_.count(GatewayCounter::kSignoutsRepeated);
}

// As long as a login's answer may take, a sign-out's may.
void Signouts::repeat() {
  const std::uint32_t now_ms = context_.shard.now_ms();
  while (!repeats_.empty()) {
    const Repeat oldest = repeats_.front();
    const auto found = unconfirmed_.find(oldest.login);
    const bool due = now_ms - oldest.since_ms > context_.options.login_answer_timeout_ms;
    if (found != unconfirmed_.end() && !due) return;
    repeats_.pop_front();
    if (found == unconfirmed_.end()) continue;
    const Waiting& one = found->second;
    if (waiting_.empty() && forward({one.id, one.app, one.crc})) {
      context_.count(GatewayCounter::kSignoutsRepeated);
    }
    repeats_.push_back({oldest.login, now_ms});
  }
}

void Signouts::answered(std::uint32_t login) {
  if (ended_early_.empty()) return;
  const auto ended = ended_early_.find(login);
  if (ended != ended_early_.end() && --ended->second->outstanding == 0) end_early(login);
}

void Signouts::end_early(std::uint32_t login) {
  const auto found = ended_early_.find(login);
  if (found == ended_early_.end()) return;
  Channel* const channel = found->second;
  ended_early_.erase(found);
  say(*channel);
  Channel::destroy(context_.shard.pool(), channel);
}

void Signouts::on_tick() {
  if (!ended_early_order_.empty()) expire_ended_early();
  if (!waiting_.empty()) retry();
  if (!repeats_.empty()) repeat();
}

void Signouts::expire_ended_early() {
  while (!ended_early_order_.empty()) {
    const EndedEarly oldest = ended_early_order_.front();
    const std::uint32_t age_ms = context_.shard.now_ms() - oldest.since_ms;
    const bool late = age_ms > context_.options.login_answer_timeout_ms;
    if (!late && ended_early_.contains(oldest.login)) return;
    ended_early_order_.pop_front();
    end_early(oldest.login);
  }
}

void Signouts::wait(const Ended& channel) {
  if (waiting_.size() >= context_.options.max_signouts) {
    context_.count(GatewayCounter::kSignoutsDropped);
    return;
  }
  waiting_.push_back(
      {std::string(channel.id), std::string(channel.app), channel.crc, context_.shard.now_ms()});
  context_.shard.counters().set(GatewayGauge::kSignoutsWaiting, waiting_.size());
}

void Signouts::retry() {
  while (!waiting_.empty()) {
    const Waiting& oldest = waiting_.front();
    if (context_.shard.now_ms() - oldest.since_ms > context_.options.signout_keep_ms) {
      context_.count(GatewayCounter::kSignoutsDropped);
    } else if (!forward({oldest.id, oldest.app, oldest.crc})) {
      break;
    }
    waiting_.pop_front();
  }
  context_.shard.counters().set(GatewayGauge::kSignoutsWaiting, waiting_.size());
}

// False: no login service can take it now. Not a request: nobody waits for its answer, and one that
// waits is tried again and again, which is no packet without a service each time.
bool Signouts::forward(const Ended& channel) {
  const std::string_view account = account_of(channel.id, context_.options.gateway_id);
  const Upstream* const upstream =
      context_.routes.select("login", {channel.crc, account, channel.app}).upstream;
  if (upstream == nullptr || !upstream->up) return false;
  const bool sent =
      upstream->link != nullptr ? append(*upstream, channel) : mail(*upstream, channel);
  if (sent) context_.count(GatewayCounter::kSignouts);
  return sent;
}

bool Signouts::append(const Upstream& upstream, const Ended& channel) {
  OutgoingHeader header;
  header.command = kCommandSignOut;
  header.channel_id = channel.id;
  header.dest_server = context_.options.gateway_id;
  body_.clear();
  if (upstream.takes_roll_calls && !channel.app.empty()) {
    append_session(body_, {.account = account_of(channel.id, context_.options.gateway_id),
                           .app = channel.app});
  }
  std::uint8_t* const to =
      context_.shard.reserve(*upstream.link, framed_packet_bytes(header, body_.size()));
  if (to == nullptr) return false;
  write_framed_packet(to, header, as_bytes(body_));
  return true;
}

// In the same mailbox as the channel's requests, which it must not overtake.
bool Signouts::mail(const Upstream& upstream, const Ended& channel) {
  const SignoutHead head{upstream.id, upstream.epoch, channel.crc,
                         static_cast<std::uint16_t>(channel.id.size()),
                         static_cast<std::uint16_t>(channel.app.size())};
  std::uint8_t* to = context_.shard.mail(upstream.home, kMailSignout, head,
                                         channel.id.size() + channel.app.size());
  if (to == nullptr) return false;
  for (const std::string_view text : {channel.id, channel.app}) {
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    to += text.size();
  }
  return true;
}

// The link that it was meant for may have broken or filled up meanwhile: then it waits here.
void Signouts::take(ByteView message) {
  const SignoutHead head = kMailSignout.read(message);
  const std::string_view texts = as_text(message);
  const Ended channel{texts.substr(0, head.id_bytes), texts.substr(head.id_bytes, head.app_bytes),
                      head.channel_crc};
  const Upstream* const upstream = context_.upstreams.find(head.upstream);
  if (upstream != nullptr && upstream->link != nullptr && upstream->epoch == head.epoch) {
    if (append(*upstream, channel)) return;
    context_.count(GatewayCounter::kForwardFailedBytes);
  }
  wait(channel);
}

}  // namespace ringgate
