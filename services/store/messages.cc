#include "services/store/messages.h"

#include <algorithm>

#include "codec/names.h"

namespace ringgate {
namespace {

// As a gateway of another make may leave it out, an app may be empty, as in the session store.
bool is_app(const std::string& app) {
  return app.empty() || is_valid_app(app);
}
bool is_account(const std::string& account) {
  return is_valid_account(account);
}
// Ours have 12 characters.
bool is_group(const std::string& id) {
  return is_valid_account(id);
}

}  // namespace

bool MessageStore::has_valid_names(const TalkToUser& request) {
  return is_app(request.app) && is_account(request.receiver) && is_account(request.message.sender);
}

bool MessageStore::has_valid_names(const TalkToGroup& request) {
  return is_app(request.app) && is_group(request.group_id) && is_account(request.message.sender);
}

bool MessageStore::has_valid_names(const AckMessages& request) {
  return is_app(request.app) && is_account(request.account);
}

bool MessageStore::has_valid_names(const ReadMessageIndex& request) {
  return is_app(request.app) && is_account(request.account);
}

bool MessageStore::has_valid_names(const ReadMessages& request) {
  return is_app(request.app) && is_account(request.account);
}

bool MessageStore::has_valid_names(const CreateGroup& request) {
  return is_app(request.app) && is_group(request.group.id) && is_account(request.group.owner) &&
         std::ranges::all_of(request.members, is_account);
}

bool MessageStore::has_valid_names(const JoinGroup& request) {
  return is_app(request.app) && is_group(request.group_id) && is_account(request.caller) &&
         is_account(request.account);
}

bool MessageStore::has_valid_names(const QuitGroup& request) {
  return is_app(request.app) && is_group(request.group_id) && is_account(request.caller) &&
         is_account(request.account);
}

bool MessageStore::has_valid_names(const ReadGroup& request) {
  return is_app(request.app) && is_group(request.group_id);
}

}  // namespace ringgate
