#include "services/login_handlers.h"

#include <algorithm>
#include <span>

#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

constexpr std::size_t kMaxAccountBytes = 128;

// A comma in an account would make one app's key another's.
bool is_account(std::string_view account) {
  return !account.empty() && account.size() <= kMaxAccountBytes &&
         std::ranges::none_of(account, [](char byte) {
           const auto value = static_cast<unsigned char>(byte);
           return byte == ',' || value < 0x20 || value == 0x7F;
         });
}

Task signin(Context& context) {
  std::optional<pkt::Session> session = context.parse<pkt::Session>();
  if (!session) co_return;
  if (session->channelid() != context.channel_id() || !is_account(session->account())) {
    context.fail(Status::kInvalidPacketBody, "the session is not one of this channel");
    co_return;
  }
  session->set_gateid(context.gateway_id().data(), context.gateway_id().size());
  if (session->app().empty()) session->set_app(context.app().data(), context.app().size());

  auto adding = context.sessions().add(*session);
  const auto older = co_await adding;
  if (!older) {
    context.fail(older.error());
    co_return;
  }
  if (older->has_value()) {
    pkt::KickoutNotify kickout;
    kickout.set_channelid((*older)->channel_id);
    context.push(std::span(&**older, 1), kickout);
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
