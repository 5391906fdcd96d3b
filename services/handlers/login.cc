#include "services/handlers/login.h"

#include <algorithm>

#include "codec/login_scan.h"
#include "codec/names.h"
#include "codec/pkt.pb.h"
#include "services/logic/counters.h"
#include "services/store/layout.h"

namespace ringgate {
namespace {

// It comes from a gateway, which may be of another make and believe its clients more than we do.
// The channel is the request's own, which is checked for every request.
bool is_sound(const pkt::Session& session) {
  const auto is_label = [](const std::string& text) { return is_valid_label(text); };
  return has_names_for_keys(session) && is_label(session.zone()) && is_label(session.isp()) &&
         is_label(session.remoteip()) && is_label(session.device()) &&
         session.tags_size() <= static_cast<int>(kMostLoginTags) &&
         std::ranges::all_of(session.tags(), is_label);
}

// Its gateway may have answered it with 300 long ago: then it must not happen any more.
bool is_too_old(LogicShard& logic) {
  Shard& shard = logic.outbox.shard();
  if (!logic.stalls.may_be_old(StallWatch::now_us())) return false;
  shard.counters().add(LogicCounter::kLoginsAfterStall);
  return true;
}

Task signin(Context& context) {
  std::optional<pkt::Session> session = context.parse<pkt::Session>();
  if (!session) co_return;
  if (session->app().empty()) session->set_app(context.app().data(), context.app().size());
  if (session->channelid() != context.channel_id() || !is_sound(*session)) {
    context.fail(Status::kInvalidPacketBody, "the session is not one of this channel");
    co_return;
  }
  session->set_gateid(context.gateway_id().data(), context.gateway_id().size());
  if (is_too_old(context.shard())) {
    context.fail(Status::kSystemException, "the login service stood still; log in again");
    co_return;
  }

  auto adding = context.sessions().add(*session);
  const auto older = co_await adding;
  if (!older) {
    context.fail(older.error());
    co_return;
  }
  if (older->has_value()) {
    pkt::KickoutNotify kickout;
    kickout.set_channelid((*older)->channel_id);
    context.push(**older, kickout);
  }
  // One of another make registers the channel after it has forwarded its login.
  if (context.boot().empty()) {
    const auto wait = context.shard().delays.after(context.shard().login_answer_delay_ms);
    co_await wait;
  }
  pkt::LoginResp answer;
  answer.set_channelid(session->channelid());
  answer.set_account(session->account());
  context.respond(Status::kSuccess, answer);
}

// Who was signed in a gateway of ours says; of one of another make only the session does. One that
// is gone already, because of a newer login, is no error.
Task signout(Context& context) {
  pkt::Session who;
  const bool said =
      !context.boot().empty() &&
      who.ParseFromArray(context.body().data(), static_cast<int>(context.body().size())) &&
      is_sound(who);
  auto removing = said ? context.sessions().remove(context.channel_id(), who.account(), who.app())
                       : context.sessions().remove(context.channel_id(), {}, {});
  const auto removed = co_await removing;
  if (!removed) {
    context.fail(removed.error());
    co_return;
  }
  context.respond(Status::kSuccess);
}

// What a gateway of ours says about itself. Its clients cannot: theirs are no links with a boot.
Task rollcall(Context& context) {
  if (context.boot().empty()) {
    context.fail(Status::kInvalidCommand, "only a gateway calls the roll");
    co_return;
  }
  std::optional<pkt::RollCallReq> roll = context.parse<pkt::RollCallReq>();
  if (!roll) co_return;
  pkt::RollCallReq sound;
  sound.set_ends(roll->ends());
  for (pkt::Session& session : *roll->mutable_present()) {
    const std::string_view boot = boot_of_channel(session.channelid(), context.gateway_id());
    if (boot != context.boot() || !is_sound(session)) continue;
    session.set_gateid(context.gateway_id().data(), context.gateway_id().size());
    sound.add_present()->Swap(&session);
  }
  auto calling = context.sessions().call_roll(context.gateway_id(), context.boot(), sound);
  const auto outcome = co_await calling;
  if (!outcome) {
    context.fail(outcome.error());
    co_return;
  }
  pkt::RollCallResp answer;
  answer.set_epoch(outcome->epoch);
  for (const std::string& channel : outcome->lost) answer.add_lost(channel);
  context.respond(Status::kSuccess, answer);
}

}  // namespace

void add_login_handlers(Router& router) {
  router.handle("login.signin", signin);
  router.handle("login.signout", signout);
  router.handle("login.rollcall", rollcall);
}

}  // namespace ringgate
