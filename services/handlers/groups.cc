// Groups: who is in them, and what is said to those who are concerned.
#include <algorithm>
#include <array>
#include <charconv>

#include "codec/pkt.pb.h"
#include "services/handlers/chat_commands.h"

namespace ringgate::chat {
namespace {

// As existing clients know it: a message id in base 36, 12 characters.
std::string group_id_of(std::int64_t message_id) {
  constexpr int kBase = 36;
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), message_id, kBase).ptr;
  return {digits.begin(), end};
}

std::string_view describe(GroupOutcome outcome) {
  switch (outcome) {
    case GroupOutcome::kNoGroup:
      return "there is no such group";
    case GroupOutcome::kNotAllowed:
      return "only the owner of a group may do that for others";
    case GroupOutcome::kAlready:
      return "that is so already";
    case GroupOutcome::kFull:
      return "the group has more members than a group may have";
    case GroupOutcome::kNoMembers:
      return "a group has to have members";
    case GroupOutcome::kTwice:
      return "a member is there twice";
    case GroupOutcome::kNotMember:
    case GroupOutcome::kDone:
      break;
  }
  return "that cannot be done";
}

void fail(Context& context, GroupOutcome outcome) {
  const bool is_forbidden = outcome == GroupOutcome::kNotAllowed;
  context.fail(is_forbidden ? Status::kUnauthorized : Status::kSystemException, describe(outcome));
}

// False: it is answered.
bool may_create(Context& context, const pkt::GroupCreateReq& asked, const Caller& caller,
                const ChatOptions& options) {
  for (const std::string* const text : {&asked.name(), &asked.avatar(), &asked.introduction()}) {
    if (text->size() > options.max_group_text_bytes) {
      fail_too_long(context, "the group's name, avatar or introduction is too long");
      return false;
    }
  }
  if (!asked.owner().empty() && asked.owner() != caller.account) {
    context.fail(Status::kUnauthorized, "who creates a group is its owner");
    return false;
  }
  return true;
}

CreateGroup creation_of(const pkt::GroupCreateReq& asked, const Caller& caller,
                        std::int64_t message_id, std::int64_t now_ns) {
  CreateGroup create;
  create.app = caller.message_app;
  create.group = {group_id_of(message_id), asked.name(),   asked.avatar(),
                  asked.introduction(),    caller.account, now_ns};
  create.members.assign(asked.members().begin(), asked.members().end());
  return create;
}

// The members, and who has been one until now, if they are not among them.
std::vector<std::string> concerned(const GroupChange& change, const std::string& account) {
  std::vector<std::string> all = change.members;
  if (std::ranges::find(all, account) == all.end()) all.push_back(account);
  return all;
}

// Who is in a group, and of the group itself what `describe` adds.
Task answer_group(Context& context, const ChatOptions& options,
                  void (*describe)(pkt::GroupGetResp& answer, const ChatGroup& group)) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::GroupGetReq> asked = context.parse<pkt::GroupGetReq>();
  if (!asked) co_return;
  auto reading = context.messages().ask(ReadGroup{caller->message_app, asked->group_id()});
  const auto read = co_await reading;
  if (!read) {
    context.fail(read.error());
    co_return;
  }
  if (!read->has_value()) {
    fail(context, GroupOutcome::kNoGroup);
    co_return;
  }
  const GroupDetail& detail = **read;
  pkt::GroupGetResp answer;
  answer.set_id(detail.group.id);
  describe(answer, detail.group);
  for (const GroupMember& one : detail.members) {
    pkt::Member& member = *answer.add_members();
    member.set_account(one.account);
    member.set_join_time(one.joined_ns);
  }
  context.respond(Status::kSuccess, answer);
}

}  // namespace

Task group_create(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::GroupCreateReq> asked = context.parse<pkt::GroupCreateReq>();
  if (!asked || !may_create(context, *asked, *caller, options)) co_return;
  const std::optional<std::int64_t> id = next_message_id(context);
  if (!id) co_return;

  const CreateGroup create = creation_of(*asked, *caller, *id, context.received_ns());
  auto creating = context.messages().ask(create);
  const auto created = co_await creating;
  if (!created) {
    context.fail(created.error());
    co_return;
  }
  if (*created != GroupOutcome::kDone) {
    fail(context, *created);
    co_return;
  }
  auto locating = context.sessions().locate_many(create.members, caller->app);
  const auto online = co_await locating;
  pkt::GroupCreateNotify notify;
  notify.set_group_id(create.group.id);
  *notify.mutable_members() = asked->members();
  push_to_found(context, online, create.members.size(), notify);
  pkt::GroupCreateResp answer;
  answer.set_group_id(create.group.id);
  context.respond(Status::kSuccess, answer);
}

Task group_join(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::GroupJoinReq> asked = context.parse<pkt::GroupJoinReq>();
  if (!asked) co_return;
  const std::string account = asked->account().empty() ? caller->account : asked->account();
  auto joining = context.messages().ask(JoinGroup{caller->message_app, asked->group_id(),
                                                  caller->account, account, context.received_ns()});
  const auto joined = co_await joining;
  if (!joined) {
    context.fail(joined.error());
    co_return;
  }
  if (joined->outcome != GroupOutcome::kDone) {
    fail(context, joined->outcome);
    co_return;
  }
  auto locating = context.sessions().locate_many(joined->members, caller->app);
  const auto online = co_await locating;
  pkt::GroupJoinNotify notify;
  notify.set_group_id(asked->group_id());
  notify.set_account(account);
  push_to_found(context, online, joined->members.size(), notify);
  context.respond(Status::kSuccess);
}

// Who is in no such group has nothing to quit: success, and nobody is told.
Task group_quit(Context& context, const ChatOptions& options) {
  CallerCall asking(context, options);
  const std::optional<Caller> caller = co_await asking;
  if (!caller) co_return;
  const std::optional<pkt::GroupQuitReq> asked = context.parse<pkt::GroupQuitReq>();
  if (!asked) co_return;
  const std::string account = asked->account().empty() ? caller->account : asked->account();
  auto quitting = context.messages().ask(
      QuitGroup{caller->message_app, asked->group_id(), caller->account, account});
  const auto quit = co_await quitting;
  if (!quit) {
    context.fail(quit.error());
    co_return;
  }
  if (quit->outcome == GroupOutcome::kNotAllowed) {
    fail(context, quit->outcome);
    co_return;
  }
  if (quit->outcome == GroupOutcome::kDone) {
    const std::vector<std::string> told = concerned(*quit, account);
    auto locating = context.sessions().locate_many(told, caller->app);
    const auto online = co_await locating;
    pkt::GroupQuitNotify notify;
    notify.set_group_id(asked->group_id());
    notify.set_account(account);
    push_to_found(context, online, told.size(), notify);
  }
  context.respond(Status::kSuccess);
}

Task group_members(Context& context, const ChatOptions& options) {
  return answer_group(context, options, [](pkt::GroupGetResp&, const ChatGroup&) {});
}

Task group_detail(Context& context, const ChatOptions& options) {
  return answer_group(context, options, [](pkt::GroupGetResp& answer, const ChatGroup& group) {
    answer.set_name(group.name);
    answer.set_avatar(group.avatar);
    answer.set_introduction(group.introduction);
    answer.set_owner(group.owner);
    answer.set_created_at(group.created_ns);
  });
}

}  // namespace ringgate::chat
