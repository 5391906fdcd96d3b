#include "services/handlers/login.h"

#include <algorithm>

#include "codec/login_scan.h"
#include "codec/names.h"
#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

// It comes from a gateway, which may be of another make and believe its clients more than we do.
// The channel is the request's own, which is checked for every request.
bool is_sound(const pkt::Session& session) {
  const bool names =
      is_valid_account(session.account()) && (session.app().empty() || is_valid_app(session.app()));
  const auto is_label = [](const std::string& text) { return is_valid_label(text); };
  return names && is_label(session.zone()) && is_label(session.isp()) &&
         is_label(session.remoteip()) && is_label(session.device()) &&
         session.tags_size() <= static_cast<int>(kMostLoginTags) &&
         std::ranges::all_of(session.tags(), is_label);
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
  pkt::LoginResp answer;
  answer.set_channelid(session->channelid());
  answer.set_account(session->account());
  context.respond(Status::kSuccess, answer);
}

// Who was signed in only the session says. One that is gone already, because of a newer login, is
// no error.
Task signout(Context& context) {
  auto getting = context.sessions().get(context.channel_id());
  const auto session = co_await getting;
  if (!session) {
    context.fail(session.error());
    co_return;
  }
  if (session->has_value()) {
    auto removing =
        context.sessions().remove(context.channel_id(), (*session)->account(), (*session)->app());
    const auto removed = co_await removing;
    if (!removed) {
      context.fail(removed.error());
      co_return;
    }
  }
  context.respond(Status::kSuccess);
}

}  // namespace

void add_login_handlers(Router& router) {
  router.handle("login.signin", signin);
  router.handle("login.signout", signout);
}

}  // namespace ringgate
