#include "services/gateway/parts/ejector.h"

#include <algorithm>

namespace ringgate {
namespace {

constexpr std::uint32_t kGivenUpInARow = 3;
constexpr std::uint32_t kMostMuteTimes = 16;  // of AnswerTimeout, before it is tried again

}  // namespace

void Ejector::on_tick() {
  context_.upstreams.for_each([this](Upstream& upstream) {
    if (upstream.link != nullptr && upstream.link->open()) look_at_link(upstream);
    if (upstream.mute) {
      const bool answered = upstream.given_up == 0;
      if (answered) upstream.mute_for_ms = 0;
      if (answered || context_.options.eject_after_ms == 0 ||
          Clock::passed(context_.shard.now_ms(), upstream.mute_until_ms)) {
        set_mute(upstream, false);
      }
    } else if (upstream.given_up >= kGivenUpInARow && context_.options.eject_after_ms != 0 &&
               !answers(upstream) && another_answers(upstream)) {
      set_mute(upstream, true);
    }
  });
}

void Ejector::look_at_link(Upstream& upstream) {
  const LinkNews news = context_.upstreams.look(upstream, context_.options.eject_after_ms);
  if (news == LinkNews::kNone) return;
  const LinkSilent mail{upstream.id, news == LinkNews::kSilent ? 1u : 0u};
  if (upstream.link->user<const LinkState>()->lane == kNoLane) {
    for (std::uint32_t other = 0; other < context_.shard.options().shards; ++other) {
      if (other != context_.shard.index()) context_.shard.mail_surely(other, kMailLinkSilent, mail);
    }
  }
  tell(upstream, EjectReason::kSilent, mail.silent != 0);
}

void Ejector::take_silent(const LinkSilent& mail) {
  Upstream* const upstream = context_.upstreams.find(mail.upstream);
  if (upstream == nullptr) return;
  upstream->silent = mail.silent != 0;
  context_.rebuild_routes();
}

// Whether it has answered a request of ours within the time that one may take.
bool Ejector::answers(const Upstream& upstream) const {
  return upstream.answered_ms != 0 &&
         context_.shard.now_ms() - upstream.answered_ms <
             std::min(context_.options.answer_timeout_ms, context_.options.login_answer_timeout_ms);
}

bool Ejector::another_answers(const Upstream& upstream) {
  if (context_.catalogue == nullptr) return false;
  const auto& entries = context_.catalogue->entries;
  const auto own = std::ranges::find(entries, upstream.id, &CatalogueEntry::upstream);
  return own != entries.end() && std::ranges::any_of(entries, [&](const CatalogueEntry& entry) {
           if (entry.name != own->name || entry.upstream == upstream.id) return false;
           const Upstream* const other = context_.upstreams.find(entry.upstream);
           return other != nullptr && other->up && !other->ejected() && answers(*other);
         });
}

// No Backoff (control/base): that has a random part, so that many do not come back in step. Here a
// request of a client is the attempt, whose time nobody chooses; what grows is how long the
// instance is left out, told in the milliseconds of the shard's clock.
void Ejector::set_mute(Upstream& upstream, bool mute) {
  upstream.mute = mute;
  if (mute) {
    upstream.mute_for_ms =
        std::clamp(upstream.mute_for_ms * 2, context_.options.answer_timeout_ms,
                   std::max(context_.options.answer_timeout_ms,
                            context_.options.answer_timeout_ms * kMostMuteTimes));
    upstream.mute_until_ms = Clock::deadline(context_.shard.now_ms(), upstream.mute_for_ms);
  } else {
    upstream.given_up = std::min(upstream.given_up, kGivenUpInARow - 1);  // one more is enough
  }
  tell(upstream, EjectReason::kMute, mute);
}

void Ejector::tell(const Upstream& upstream, EjectReason reason, bool ejected) {
  if (ejected) context_.count(GatewayCounter::kEjections);
  context_.shard.mail_surely(
      context_.shard.control(), kMailEjected,
      EjectedMail{upstream.id, reason, static_cast<std::uint8_t>(ejected ? 1 : 0)});
  context_.rebuild_routes();
  if (!ejected) signouts_.retry();
}

}  // namespace ringgate
