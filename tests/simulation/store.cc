#include "tests/simulation/store.h"

#include <algorithm>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/mail_kinds.h"

namespace ringgate::sim {

// --- Sessions -----------------------------------------------------------------------------------

std::optional<Location> Stored::location_of(const std::string& account) const {
  const auto found = locations_.find(account);
  if (found == locations_.end()) return std::nullopt;
  if (const std::optional<std::string> boot = boot_key_of(found->second)) {
    const auto lives = boots_.find(*boot);
    if (lives == boots_.end() || lives->second <= scheduler_.now_ms()) return std::nullopt;
  }
  return found->second;
}

void Stored::answer(StoreJobOf<AddSession>& job) {
  const pkt::Session& session = job.request.session;
  Location& place = locations_[session.account()];
  job.answer = std::nullopt;
  if (!place.channel_id.empty() && place.channel_id != session.channelid()) {
    sessions_.erase(place.channel_id);
    job.answer = std::move(place);
  }
  place = job.request.location();
  sessions_.insert_or_assign(session.channelid(), session);
}

void Stored::remove(const std::string& channel, const std::string& account) {
  const auto place = locations_.find(account);
  if (place != locations_.end() && place->second.channel_id == channel) locations_.erase(place);
  sessions_.erase(channel);
}

void Stored::answer(StoreJobOf<RemoveSession>& job) {
  job.answer = {};
  std::string account = job.request.account;
  const auto session = sessions_.find(job.request.channel_id);
  if (account.empty() && session != sessions_.end()) account = session->second.account();
  remove(job.request.channel_id, account);
}

void Stored::undo(const AddSession& request) {
  remove(request.session.channelid(), request.session.account());
}

void Stored::answer(StoreJobOf<GetSession>& job) {
  const auto found = sessions_.find(job.request.channel_id);
  job.answer = found == sessions_.end() ? std::nullopt : std::optional(found->second);
}

void Stored::answer(StoreJobOf<LocateAccount>& job) {
  job.answer = location_of(job.request.account);
}

void Stored::answer(StoreJobOf<LocateAccounts>& job) {
  LocateAccounts::Answer& answer = job.answer.emplace();
  for (const std::string& account : job.request.accounts) {
    if (auto location = location_of(account)) answer.found.push_back(std::move(*location));
  }
}

void Stored::answer(StoreJobOf<CallRoll>& job) {
  CallRoll::Answer& answer = job.answer.emplace();
  answer.epoch = 1;
  const std::string boot = boot_key(job.request.gateway_id, job.request.boot);
  if (job.request.roll.ends()) {
    boots_.erase(boot);
    return;
  }
  boots_[boot] = scheduler_.now_ms() + boot_ms_;
  for (const pkt::Session& session : job.request.roll.present()) {
    const std::optional<Location> at = location_of(session.account());
    if (at && at->channel_id != session.channelid()) {
      answer.lost.push_back(session.channelid());
      continue;
    }
    sessions_.try_emplace(session.channelid(), session);
    locations_.insert_or_assign(session.account(), Location{session.channelid(), session.gateid()});
  }
}

std::string_view Stored::channel_of(const std::string& account) const {
  const auto found = locations_.find(account);
  return found == locations_.end() ? std::string_view() : found->second.channel_id;
}

// --- Messages -----------------------------------------------------------------------------------

void Stored::store(const Message& message, std::vector<std::string> receivers,
                   const std::string& group) {
  Talk& talk = talks_[message.content.body];
  if (++talk.times > 1) scheduler_.fail("a talk was stored twice: " + message.content.body);
  for (const std::string& receiver : receivers) {
    indexes_[receiver].push_back({message.id, message.send_time_ns, message.sender, group});
  }
  talk.receivers = std::move(receivers);
}

void Stored::answer(StoreJobOf<TalkToUser>& job) {
  const Message& message = job.request.message;
  store(message, {job.request.receiver}, {});
  job.answer = TalkToUser::Answer{message.send_time_ns};
}

void Stored::answer(StoreJobOf<TalkToGroup>& job) {
  const Message& message = job.request.message;
  TalkToGroup::Answer& answer = job.answer.emplace();
  const auto group = groups_.find(job.request.group_id);
  if (group == groups_.end()) return;
  answer.exists = true;
  answer.members = group->second;
  answer.send_time_ns = message.send_time_ns;
  answer.belongs = std::ranges::count(answer.members, message.sender) != 0;
  if (job.request.members_only && !answer.belongs) return;
  std::vector<std::string> receivers = answer.members;
  std::erase(receivers, message.sender);
  store(message, std::move(receivers), job.request.group_id);
}

void Stored::answer(StoreJobOf<JoinGroup>& job) {
  GroupChange& change = job.answer.emplace();
  std::vector<std::string>& members = groups_[job.request.group_id];
  if (std::ranges::count(members, job.request.account) != 0) {
    change.outcome = GroupOutcome::kAlready;
  } else {
    members.push_back(job.request.account);
  }
  change.members = members;
}

void Stored::answer(StoreJobOf<QuitGroup>& job) {
  GroupChange& change = job.answer.emplace();
  std::vector<std::string>& members = groups_[job.request.group_id];
  if (std::erase(members, job.request.account) == 0) change.outcome = GroupOutcome::kNotMember;
  change.members = members;
}

bool Stored::is_for(const std::string& text, const std::string& account) const {
  const auto found = talks_.find(text);
  return found != talks_.end() && std::ranges::count(found->second.receivers, account) != 0;
}

void Stored::answer(StoreJobOf<ReadMessageIndex>& job) {
  ReadMessageIndex::Answer& answer = job.answer.emplace();
  const auto& all = indexes_[job.request.account];
  const std::size_t most = std::min<std::size_t>(all.size(), 20);
  answer.assign(all.end() - static_cast<std::ptrdiff_t>(most), all.end());
}

std::uint32_t Stored::times(const std::string& text) const {
  const auto found = talks_.find(text);
  return found == talks_.end() ? 0 : found->second.times;
}

// --- An end -------------------------------------------------------------------------------------

StoreEnd::StoreEnd(Kernel& kernel, Stored& stored, Kind kind, std::uint32_t index,
                   Switchboard& board, std::uint32_t endpoint, const StoreHabits& these)
    : habits(these),
      kernel_(kernel),
      scheduler_(kernel.scheduler()),
      stored_(stored),
      kind_(kind),
      index_(index),
      board_(board),
      self_(board.extra(endpoint)),
      sender_(board, self_) {
  kernel_.watch(board.wake_fd(self_), Actor::kStore, index);
  static_cast<void>(board_.prepare_sleep(self_));
}

void StoreEnd::be_away(std::uint64_t ms, bool fails) {
  away_until_ns_ = scheduler_.now_ns() + ms * kMs;
  fails_ = fails;
}

void StoreEnd::turn() {
  kernel_.has_turn(Actor::kStore, index_);
  board_.awake(self_);
  do {
    board_.drain(self_, [this](std::uint32_t, MailKind kind, ByteView mail) {
      if (kind == kMailStoreCall) return take(*kMailStoreCall.read(mail).job, false);
      if (kind == kMailStoreLate) return take(*kMailStoreLate.read(mail).job, true);
      scheduler_.fail("a store got mail of kind " + std::to_string(kind));
    });
  } while (!board_.prepare_sleep(self_));
  while (!asked_.empty() && asked_.front().at_ns <= scheduler_.now_ns()) {
    const Asked asked = asked_.front();
    asked_.pop_front();
    do_it(asked);
  }
  sender_.flush();
  if (sender_.is_waiting()) scheduler_.after(kMs, Actor::kStore, index_);
}

void StoreEnd::take(StoreJob& job, bool late) {
  std::uint64_t at_ns = scheduler_.now_ns() + scheduler_.random.below(habits.most_ms * kMs + 1);
  if (scheduler_.now_ns() < away_until_ns_ && !fails_) at_ns = away_until_ns_ + 1;
  if (!asked_.empty()) at_ns = std::max(at_ns, asked_.back().at_ns);
  asked_.push_back({at_ns, &job, late});
  scheduler_.after(at_ns - scheduler_.now_ns(), Actor::kStore, index_);
}

void StoreEnd::do_it(const Asked& asked) {
  StoreJob& job = *asked.job;
  const bool removes =
      kind_ == Kind::kSessions && job.call == SessionCalls::index_of<RemoveSession>();
  const bool away = scheduler_.now_ns() < away_until_ns_;
  if (asked.late) {
    if (kind_ == Kind::kSessions && job.call == SessionCalls::index_of<AddSession>()) {
      stored_.undo(static_cast<StoreJobOf<AddSession>&>(job).request);
    }
  } else if (job.is_past(Clock::monotonic_ms()) || away || scheduler_.random.one_in(habits.fails)) {
    // A removal that cannot be made at the moment is made later: nothing of it is lost.
    if (removes) stored_.answer(static_cast<StoreJobOf<RemoveSession>&>(job));
    job.fail(away ? StoreError::kUnavailable : StoreError::kTimeout);
  } else if (kind_ == Kind::kSessions) {
    SessionCalls::visit(job, [this](auto& typed) { stored_.answer(typed); });
  } else {
    MessageCalls::visit(job, [this](auto& typed) { stored_.answer(typed); });
  }
  sender_.send(job.shard(), kMailStoreDone, bytes_of(StoreJobMail{&job}));
}

}  // namespace ringgate::sim
