// Gateway: instances that do not answer. New requests go to others of the service meanwhile, if
// there are others that answer; what waits for an instance goes on waiting, up to AnswerTimeout.
//
//   silent   its link was asked and says nothing at all, not even to a ping: a process that hangs,
//            or a machine that is gone. Any byte ends it. The link's home shard judges for all.
//   mute     its link answers pings, but requests of this shard timed out, several in a row and
//            none answered in between, while another instance of the service answered. Any answer
//            ends it; without one it is tried again after a while, which grows.
#include <algorithm>
#include <cstring>

#include "services/gateway/handler.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kGivenUpInARow = 3;
// Of failed logins so many are told in a moment: enough to see that several accounts are concerned.
constexpr std::uint32_t kMomentMs = 10;
constexpr std::uint32_t kToldInAMoment = 8;
constexpr std::uint32_t kMostMuteTimes = 16;  // of AnswerTimeout, before it is tried again

}  // namespace

void GatewayHandler::look_at_upstreams() {
  context_->upstreams.for_each([this](Upstream& upstream) {
    if (upstream.link != nullptr && upstream.link->open()) look_at_link(upstream);
    if (upstream.mute) {
      const bool answered = upstream.given_up == 0;
      if (answered) upstream.mute_for_ms = 0;
      if (answered || context_->options.eject_after_ms == 0 ||
          Clock::passed(context_->shard.now_ms(), upstream.mute_until_ms)) {
        set_mute(upstream, false);
      }
    } else if (upstream.given_up >= kGivenUpInARow && context_->options.eject_after_ms != 0 &&
               !answers(upstream) && another_answers(upstream)) {
      set_mute(upstream, true);
    }
  });
}

void GatewayHandler::look_at_link(Upstream& upstream) {
  const LinkNews news = context_->upstreams.look(upstream, context_->options.eject_after_ms);
  if (news == LinkNews::kNone) return;
  const LinkSilent mail{upstream.id, news == LinkNews::kSilent ? 1u : 0u};
  if (static_cast<const LinkState*>(upstream.link->user)->lane == kNoLane) {
    for (std::uint32_t other = 0; other < context_->shard.options().shards; ++other) {
      if (other != context_->shard.index())
        context_->shard.mail_surely(other, kMailLinkSilent, mail);
    }
  }
  tell_ejected(upstream, EjectReason::kSilent, mail.silent != 0);
}

void GatewayHandler::take_silent(const LinkSilent& mail) {
  Upstream* const upstream = context_->upstreams.find(mail.upstream);
  if (upstream == nullptr) return;
  upstream->silent = mail.silent != 0;
  context_->rebuild_routes();
}

// Whether it has answered a request of ours within the time that one may take.
bool GatewayHandler::answers(const Upstream& upstream) const {
  return upstream.answered_ms != 0 && context_->shard.now_ms() - upstream.answered_ms <
                                          std::min(context_->options.answer_timeout_ms,
                                                   context_->options.login_answer_timeout_ms);
}

bool GatewayHandler::another_answers(const Upstream& upstream) {
  if (context_->catalogue == nullptr) return false;
  const auto& entries = context_->catalogue->entries;
  const auto own = std::ranges::find(entries, upstream.id, &CatalogueEntry::upstream);
  return own != entries.end() && std::ranges::any_of(entries, [&](const CatalogueEntry& entry) {
           if (entry.name != own->name || entry.upstream == upstream.id) return false;
           const Upstream* const other = context_->upstreams.find(entry.upstream);
           return other != nullptr && other->up && !other->ejected() && answers(*other);
         });
}

void GatewayHandler::set_mute(Upstream& upstream, bool mute) {
  upstream.mute = mute;
  if (mute) {
    upstream.mute_for_ms =
        std::clamp(upstream.mute_for_ms * 2, context_->options.answer_timeout_ms,
                   std::max(context_->options.answer_timeout_ms,
                            context_->options.answer_timeout_ms * kMostMuteTimes));
    upstream.mute_until_ms = Clock::deadline(context_->shard.now_ms(), upstream.mute_for_ms);
  } else {
    upstream.given_up = std::min(upstream.given_up, kGivenUpInARow - 1);  // one more is enough
  }
  tell_ejected(upstream, EjectReason::kMute, mute);
}

void GatewayHandler::tell_ejected(const Upstream& upstream, EjectReason reason, bool ejected) {
  if (ejected) context_->count(Counter::kEjections);
  context_->shard.mail_surely(
      context_->shard.control(), kMailEjected,
      EjectedMail{upstream.id, reason, static_cast<std::uint8_t>(ejected ? 1 : 0)});
  context_->rebuild_routes();
  if (!ejected) on_shard_->signouts.retry();
}

// A login whose answer has not come in time. Nobody waits for it any more.
void GatewayHandler::give_up_login(const Channel& channel) {
  context_->upstreams.for_each([&](Upstream& upstream) {
    OutstandingRequest request;
    if (!upstream.outstanding.take(channel.login, channel.login_sequence, request)) return;
    ++upstream.given_up;
    context_->shard.counters().change(Gauge::kOutstanding, -1);
  });
}

// For /ready, which wants to know why. The mail may be lost in a flood: there are more like it.
void GatewayHandler::login_failed(const Channel& channel, std::string_view why) {
  context_->count(Counter::kLoginsFailed);
  if (context_->shard.now_ms() - login_failed_ms_ >= kMomentMs) {
    login_failed_ms_ = context_->shard.now_ms();
    logins_failed_told_ = 0;
  }
  if (logins_failed_told_ == kToldInAMoment) return;
  ++logins_failed_told_;
  std::uint8_t* const room =
      context_->shard.mail(context_->shard.control(), kMailLoginFailed, sizeof(LoginFailedMail));
  if (room == nullptr) return;
  LoginFailedMail mail{};
  mail.account_crc = crc32_ieee(channel.account(context_->options.gateway_id));
  mail.text_bytes = static_cast<std::uint8_t>(std::min(why.size(), mail.text.size()));
  std::memcpy(mail.text.data(), why.data(), mail.text_bytes);
  std::memcpy(room, &mail, sizeof mail);
}

}  // namespace ringgate
