#include "services/store/sessions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "codec/names.h"

namespace ringgate {
namespace {

bool is_app(std::string_view app) {
  return app.empty() || is_valid_app(app);
}

}  // namespace

// Every key is made behind this, whatever handler asks: of names that cannot be nobody is there.
template <class Request>
StoreCall<Request> SessionStore::ask(Request request, bool has_good_names) {
  constexpr std::uint8_t kCall = SessionCalls::index_of<Request>();
  if (!has_good_names) return {*client_, kCall, StoreResult<typename Request::Answer>()};
  return {*client_, kCall, std::move(request)};
}

StoreCall<AddSession> SessionStore::add(const pkt::Session& session) {
  constexpr std::uint8_t kCall = SessionCalls::index_of<AddSession>();
  const bool has_good_names = is_valid_account(session.account()) && is_app(session.app()) &&
                              is_valid_foreign_id(session.channelid()) &&
                              is_valid_foreign_id(session.gateid());
  if (!has_good_names) return {*client_, kCall, StoreError::kBadName};
  return {*client_, kCall, AddSession{session}};
}

StoreCall<RemoveSession> SessionStore::remove(std::string_view channel_id, std::string_view account,
                                              std::string_view app) {
  return ask(RemoveSession{std::string(channel_id), std::string(account), std::string(app)},
             is_valid_foreign_id(channel_id) && (account.empty() || is_valid_account(account)) &&
                 is_app(app));
}

StoreCall<GetSession> SessionStore::get(std::string_view channel_id) {
  return ask(GetSession{std::string(channel_id)}, is_valid_foreign_id(channel_id));
}

StoreCall<LocateAccount> SessionStore::locate(std::string_view account, std::string_view app) {
  return ask(LocateAccount{std::string(account), std::string(app)},
             is_valid_account(account) && is_app(app));
}

StoreCall<LocateAccounts> SessionStore::locate_many(std::span<const std::string> accounts,
                                                    std::string_view app) {
  LocateAccounts request{{}, std::string(app)};
  std::ranges::copy_if(accounts, std::back_inserter(request.accounts),
                       [](const std::string& account) { return is_valid_account(account); });
  const bool is_anybody_meant = !request.accounts.empty();
  return ask(std::move(request), is_anybody_meant && is_app(app));
}

StoreCall<CallRoll> SessionStore::call_roll(std::string_view gateway_id, std::string_view boot,
                                            const pkt::RollCallReq& roll) {
  return ask(CallRoll{std::string(gateway_id), std::string(boot), roll},
             is_valid_foreign_id(gateway_id) && is_valid_foreign_id(boot));
}

}  // namespace ringgate
