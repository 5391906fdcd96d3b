#include "services/store/sql/plan.h"

#include <algorithm>
#include <ranges>
#include <unordered_set>
#include <utility>

namespace ringgate::sql {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kReadTogether = 64 * 1024;
constexpr std::int64_t kDayNs = nanoseconds(std::chrono::days(1)).count();

std::vector<std::string> names_in(const Rows& found) {
  std::vector<std::string> names;
  names.reserve(found.rows.size());
  for (const Row& row : found.rows) names.push_back(row[0].text);
  return names;
}

// --- Talks --------------------------------------------------------------------------------------

Plan plan(StoreJobOf<TalkToUser>& job, const Rules&) {
  const auto& [app, receiver, message] = job.request;
  const MessageBody& content = message.content;
  return {{Statement::kPutMessage,
           {message.id, app, message.sender, message.send_time_ns, content.type, content.body,
            content.extra}},
          {Statement::kPutIndex,
           {app, receiver, message.send_time_ns, message.id, message.sender, std::string_view()}}};
}
void answer(const Results&, StoreJobOf<TalkToUser>& job) {
  job.answer = TalkToUser::Answer{job.request.message.send_time_ns};
}
Plan undo(StoreJobOf<TalkToUser>& job) {
  const auto& [app, receiver, message] = job.request;
  return {{Statement::kDeleteIndex, {app, receiver, message.id}},
          {Statement::kDeleteMessage, {message.id}}};
}

Plan plan(StoreJobOf<TalkToGroup>& job, const Rules&) {
  const auto& [app, group, message, members_only] = job.request;
  const MessageBody& content = message.content;
  const std::int64_t only = members_only ? 1 : 0;
  return {{Statement::kGroupOwner, {app, group}},
          {Statement::kPutGroupMessage,
           {message.id, app, message.sender, message.send_time_ns, content.type, content.body,
            content.extra, group, only}},
          {Statement::kPutGroupIndex,
           {app, group, message.send_time_ns, message.id, message.sender, only}},
          {Statement::kMemberNames, {app, group}}};
}
void answer(const Results& results, StoreJobOf<TalkToGroup>& job) {
  TalkToGroup::Answer answer;
  answer.exists = !results[0].rows.empty();
  answer.members = names_in(results[3]);
  answer.send_time_ns = job.request.message.send_time_ns;
  const std::string& sender = job.request.message.sender;
  answer.belongs = (answer.exists && results[0].rows[0][0].text == sender) ||
                   std::ranges::find(answer.members, sender) != answer.members.end();
  job.answer = std::move(answer);
}
Plan undo(StoreJobOf<TalkToGroup>& job) {
  const auto& [app, group, message, members_only] = job.request;
  return {{Statement::kDeleteGroupIndex, {app, group, message.id}},
          {Statement::kDeleteMessage, {message.id}}};
}

// --- What was missed ----------------------------------------------------------------------------

Plan plan(StoreJobOf<AckMessages>& job, const Rules&) {
  const auto& [app, account, message_id] = job.request;
  if (message_id == 0) {
    job.answer = {};
    return {};
  }
  return {{Statement::kAck, {app, account, message_id}}};
}
void answer(const Results&, StoreJobOf<AckMessages>& job) {
  job.answer = {};
}
Plan undo(StoreJobOf<AckMessages>&) {
  return {};
}

Plan plan(StoreJobOf<ReadMessageIndex>& job, const Rules& rules) {
  const auto& [app, account, after, now_ns] = job.request;
  const std::int64_t earliest = now_ns - nanoseconds(rules.offline_days).count();
  const std::int64_t yesterday = now_ns - kDayNs;
  constexpr auto kMost = static_cast<std::int64_t>(ReadMessageIndex::kMost);
  if (after == 0) {
    return {{Statement::kIndexAfterAck, {app, account, yesterday, earliest, kMost}}};
  }
  const Step ack{Statement::kAck, {app, account, after}};
  if (after < 0) return {{Statement::kIndexAll, {app, account, earliest, kMost}}, ack};
  return {{Statement::kIndexAfter, {app, account, after, yesterday, earliest, kMost}}, ack};
}
void answer(const Results& results, StoreJobOf<ReadMessageIndex>& job) {
  ReadMessageIndex::Answer entries;
  entries.reserve(results[0].rows.size());
  for (const Row& row : results[0].rows) {
    entries.push_back({row[0].number, row[1].number, row[2].text, row[3].text});
  }
  job.answer = std::move(entries);
}
Plan undo(StoreJobOf<ReadMessageIndex>&) {
  return {};
}

Plan plan(StoreJobOf<ReadMessages>& job, const Rules&) {
  const auto& [app, account, message_ids, most_bytes] = job.request;
  Plan steps;
  steps.reserve(message_ids.size());
  for (const std::int64_t id : message_ids) {
    steps.push_back({Statement::kReadMessage, {id, app, account, most_bytes}});
  }
  if (steps.empty()) job.answer = ReadMessages::Answer();
  return steps;
}
void answer(const Results& results, StoreJobOf<ReadMessages>& job) {
  ReadMessages::Answer bodies;
  bodies.reserve(results.size());
  for (const Rows& found : results) {
    if (found.rows.empty()) {
      bodies.emplace_back(std::nullopt);
      continue;
    }
    const Row& row = found.rows[0];
    bodies.push_back(ReadMessages::Found{
        {static_cast<std::int32_t>(row[0].number), row[1].text, row[2].text}, row[3].number});
  }
  job.answer = std::move(bodies);
}
Plan undo(StoreJobOf<ReadMessages>&) {
  return {};
}

// --- Groups -------------------------------------------------------------------------------------

// Nothing: it can be created.
std::optional<GroupOutcome> refusal(const CreateGroup& request, const Rules& rules) {
  if (request.members.empty()) return GroupOutcome::kNoMembers;
  if (request.members.size() > rules.max_group_members) return GroupOutcome::kFull;
  std::unordered_set<std::string_view> once;
  for (const std::string& member : request.members) {
    if (!once.insert(member).second) return GroupOutcome::kTwice;
  }
  return std::nullopt;
}

Plan plan(StoreJobOf<CreateGroup>& job, const Rules& rules) {
  if (const auto refused = refusal(job.request, rules)) {
    job.answer = *refused;
    return {};
  }
  const auto& [app, group, members] = job.request;
  Plan steps;
  steps.reserve(1 + members.size());
  steps.push_back({Statement::kPutGroup,
                   {app, group.id, group.name, group.avatar, group.introduction, group.owner,
                    group.created_ns}});
  for (const std::string& member : members) {
    steps.push_back({Statement::kPutMember, {app, group.id, member, group.created_ns}});
  }
  return steps;
}
void answer(const Results&, StoreJobOf<CreateGroup>& job) {
  job.answer = GroupOutcome::kDone;
}
Plan undo(StoreJobOf<CreateGroup>& job) {
  if (job.answer && *job.answer != GroupOutcome::kDone) return {};
  const auto& [app, group, members] = job.request;
  return {{Statement::kDeleteMembers, {app, group.id}}, {Statement::kDeleteGroup, {app, group.id}}};
}

// Of a join or a quit: the results are the group's owner, the change, the members. `not_changed` is
// why nothing changed although it might have.
template <class Request>
GroupChange change_in(const Results& results, const Request& request, GroupOutcome not_changed) {
  GroupChange change;
  change.members = names_in(results[2]);
  if (results[0].rows.empty()) {
    change.outcome = GroupOutcome::kNoGroup;
    return change;
  }
  change.owner = results[0].rows[0][0].text;
  if (results[1].changed > 0) return change;
  const bool may = request.caller == request.account || request.caller == change.owner;
  change.outcome = may ? not_changed : GroupOutcome::kNotAllowed;
  return change;
}

Plan plan(StoreJobOf<JoinGroup>& job, const Rules& rules) {
  const auto& [app, group, caller, account, now_ns] = job.request;
  return {
      {Statement::kGroupOwner, {app, group}},
      {Statement::kJoin,
       {app, group, account, now_ns, caller, static_cast<std::int64_t>(rules.max_group_members)}},
      {Statement::kMemberNames, {app, group}}};
}
void answer(const Results& results, StoreJobOf<JoinGroup>& job) {
  GroupChange change = change_in(results, job.request, GroupOutcome::kAlready);
  const bool is_member =
      std::ranges::find(change.members, job.request.account) != change.members.end();
  if (change.outcome == GroupOutcome::kAlready && !is_member) change.outcome = GroupOutcome::kFull;
  job.answer = std::move(change);
}
Plan undo(StoreJobOf<JoinGroup>& job) {
  // It may have been a member before.
  if (!job.answer || job.answer->outcome != GroupOutcome::kDone) return {};
  const JoinGroup& request = job.request;
  return {{Statement::kDeleteMember, {request.app, request.group_id, request.account}}};
}

Plan plan(StoreJobOf<QuitGroup>& job, const Rules&) {
  const auto& [app, group, caller, account] = job.request;
  return {{Statement::kGroupOwner, {app, group}},
          {Statement::kQuit, {app, group, account, caller}},
          {Statement::kMemberNames, {app, group}}};
}
void answer(const Results& results, StoreJobOf<QuitGroup>& job) {
  job.answer = change_in(results, job.request, GroupOutcome::kNotMember);
}
Plan undo(StoreJobOf<QuitGroup>&) {
  return {};
}

Plan plan(StoreJobOf<ReadGroup>& job, const Rules&) {
  const auto& [app, group] = job.request;
  return {{Statement::kReadGroup, {app, group}}, {Statement::kMembers, {app, group}}};
}
void answer(const Results& results, StoreJobOf<ReadGroup>& job) {
  if (results[0].rows.empty()) {
    job.answer = std::optional<GroupDetail>();
    return;
  }
  const Row& row = results[0].rows[0];
  GroupDetail detail;
  detail.group = {job.request.group_id, row[0].text, row[1].text,
                  row[2].text,          row[3].text, row[4].number};
  detail.members.reserve(results[1].rows.size());
  for (const Row& member : results[1].rows) {
    detail.members.push_back({member[0].text, member[1].number});
  }
  job.answer = std::move(detail);
}
Plan undo(StoreJobOf<ReadGroup>&) {
  return {};
}

}  // namespace

Plan plan_of(StoreJob& job, const Rules& rules) {
  Plan steps;
  MessageCalls::visit(job, [&](auto& typed) { steps = plan(typed, rules); });
  return steps;
}

std::int64_t* send_time_of(StoreJob& job) {
  std::int64_t* time = nullptr;
  MessageCalls::visit(job, [&](auto& typed) {
    if constexpr (requires { typed.request.message; }) time = &typed.request.message.send_time_ns;
  });
  return time;
}

bool only_reads(const StoreJob& job) noexcept {
  return job.call == MessageCalls::index_of<ReadMessages>() ||
         job.call == MessageCalls::index_of<ReadGroup>();
}

std::size_t bytes_of(StoreJob& job) {
  std::size_t bytes = 0;
  MessageCalls::visit(job, [&](auto& typed) {
    if constexpr (requires { typed.request.message; }) {
      bytes =
          typed.request.message.content.body.size() + typed.request.message.content.extra.size();
    } else if constexpr (requires { typed.request.message_ids; }) {
      bytes = kReadTogether;  // rather more than are there: a few short ones fit beside a long one
    }
  });
  return bytes;
}

void answer_from(const Results& results, StoreJob& job) {
  MessageCalls::visit(job, [&](auto& typed) { answer(results, typed); });
}

Plan undo_of(StoreJob& job) {
  Plan steps;
  MessageCalls::visit(job, [&](auto& typed) { steps = undo(typed); });
  return steps;
}

}  // namespace ringgate::sql
