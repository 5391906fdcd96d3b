#include "services/store/sessions.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "codec/names.h"
#include "services/store/layout.h"

namespace ringgate {
namespace {

// The one place that every key is made behind, whatever handler asks.
bool has_valid_names(const StoreRequest& request) {
  const bool app = request.app.empty() || is_valid_app(request.app);
  const bool accounts = std::ranges::all_of(
      request.accounts, [](const std::string& account) { return is_valid_account(account); });
  const bool channel =
      request.op == StoreOp::kLocate || is_valid_foreign_id(request.location.channel_id);
  const bool gateway =
      request.op != StoreOp::kAdd || is_valid_foreign_id(request.location.gateway_id);
  return app && accounts && channel && gateway;
}

}  // namespace

SessionCallBase::~SessionCallBase() {
  if (waiting_) store_.forget(*this);
}

bool SessionCallBase::await_suspend(std::coroutine_handle<> waiting) {
  if (!has_valid_names(request)) {
    if (request.op == StoreOp::kAdd) answer.error = StoreError::kBadName;
    return false;
  }
  if (!store_.submit(*this)) return false;
  waiting_ = waiting;
  return true;
}

void SessionCallBase::complete(StoreAnswer&& with) {
  answer = std::move(with);
  std::exchange(waiting_, {}).resume();
}

void take_answer(StoreAnswer&, StoreResult<void>&) {}

void take_answer(StoreAnswer& answer, StoreResult<std::optional<pkt::Session>>& result) {
  result->reset();
  if (answer.values.empty() || !answer.values[0]) return;
  // What is not a Session cannot be anybody's.
  if (pkt::Session session; session.ParseFromString(*answer.values[0])) {
    *result = std::move(session);
  }
}

void take_answer(StoreAnswer& answer, StoreResult<std::optional<Location>>& result) {
  result->reset();
  if (!answer.values.empty() && answer.values[0]) *result = decode_location(*answer.values[0]);
}

void take_answer(StoreAnswer& answer, StoreResult<std::vector<Location>>& result) {
  for (const std::optional<std::string>& value : answer.values) {
    std::optional<Location> location = value ? decode_location(*value) : std::nullopt;
    if (location) result->push_back(std::move(*location));
  }
}

void take_answer(StoreAnswer& answer, StoreResult<RollCallOutcome>& result) {
  bool first = true;
  for (std::optional<std::string>& value : answer.values) {
    if (!value) continue;
    if (std::exchange(first, false)) {
      std::from_chars(value->data(), value->data() + value->size(), result->epoch);
    } else {
      result->lost.push_back(std::move(*value));
    }
  }
}

SessionCall<std::optional<Location>> SessionStore::add(const pkt::Session& session) {
  return {*this, StoreRequest{StoreOp::kAdd,
                              {session.channelid(), session.gateid()},
                              session.app(),
                              {session.account()},
                              session.SerializeAsString()}};
}

SessionCall<void> SessionStore::remove(std::string_view channel_id, std::string_view account,
                                       std::string_view app) {
  return {*this, StoreRequest{StoreOp::kRemove,
                              {std::string(channel_id), {}},
                              std::string(app),
                              account.empty() ? std::vector<std::string>{}
                                              : std::vector<std::string>{std::string(account)},
                              {}}};
}

SessionCall<RollCallOutcome> SessionStore::call_roll(std::string_view gateway_id,
                                                     std::string_view boot,
                                                     const pkt::RollCallReq& present) {
  return {*this, StoreRequest{StoreOp::kRollCall,
                              {std::string(boot), std::string(gateway_id)},
                              {},
                              {},
                              present.SerializeAsString()}};
}

SessionCall<std::optional<pkt::Session>> SessionStore::get(std::string_view channel_id) {
  return {*this, StoreRequest{StoreOp::kGet, {std::string(channel_id), {}}, {}, {}, {}}};
}

SessionCall<std::optional<Location>> SessionStore::locate(std::string_view account,
                                                          std::string_view app) {
  return {*this, StoreRequest{StoreOp::kLocate, {}, std::string(app), {std::string(account)}, {}}};
}

SessionCall<std::vector<Location>> SessionStore::locate_many(std::span<const std::string> accounts,
                                                             std::string_view app) {
  StoreRequest request{StoreOp::kLocate, {}, std::string(app), {}, {}};
  std::ranges::copy_if(accounts, std::back_inserter(request.accounts),
                       [](const std::string& account) { return is_valid_account(account); });
  return {*this, std::move(request)};
}

bool SessionStore::on_mail(MailKind, ByteView) {
  return false;
}

}  // namespace ringgate
