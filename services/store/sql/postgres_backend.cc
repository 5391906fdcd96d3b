#include "services/store/sql/postgres_backend.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "control/base/thread.h"
#include "dataplane/clock.h"
#include "services/store/message_ids.h"
#include "services/store/sql/calls.h"

namespace ringgate::sql {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostInFlight = 2;    // transactions
constexpr milliseconds kCleaningPause{20};  // while there are calls
constexpr std::uint64_t kGraceMs = 1'000;   // beyond which a server is not waited for any more
constexpr std::uint64_t kMostBlockedMs = 3'000;

// On a thread of its own.
Outcome<std::unique_ptr<Postgres>> connect(const std::string& url) {
  Outcome<std::unique_ptr<Postgres>> connected = Postgres::connect(url);
  if (!connected) return connected;
  if (Outcome<void> ready = (*connected)->make_ready(); !ready) {
    return std::unexpected(ready.error());
  }
  return connected;
}

}  // namespace

PostgresBackend::PostgresBackend(StoreThread& thread, const MessageStoreOptions& options,
                                 const Url& url)
    : thread_(thread),
      options_(options),
      url_(url.url),
      rules_{options.offline_days, options.max_group_members},
      dial_(std::make_shared<Dial>()),
      cleaner_(options.message_days) {
  {
    const MutexLock lock(dial_->mutex);
    dial_->backend = this;
  }
  dial();
  look();
  thread_.loop().after(kCleaningPause, [this] { clean(); });
}

PostgresBackend::~PostgresBackend() {
  const MutexLock lock(dial_->mutex);
  dial_->backend = nullptr;
}

// --- Whether it works ---------------------------------------------------------------------------

void PostgresBackend::dial() {
  const auto run = [dial = dial_, url = url_] {
    // Copyable, as what is posted has to be.
    const auto connected = std::make_shared<Connected>(connect(url));
    const MutexLock lock(dial->mutex);
    if (dial->backend == nullptr) return;
    dial->backend->thread_.loop().post(
        [backend = dial->backend, connected] { backend->on_dialled(std::move(*connected)); });
  };
  try {
    start_thread("store-dial", run).detach();
  } catch (const std::system_error& failure) {
    thread_.health().ill(StoreTrouble::kOther, failure.what());
    dial_later();
  }
}

void PostgresBackend::on_dialled(Connected connected) {
  if (!connected) {
    recovery_.failed(Work::kOpening, connected.error());
    thread_.health().ill(connected.error().kind, connected.error().why);
    dial_later();
    return;
  }
  connection_ = std::move(*connected);
  fd_ = PQsocket(connection_->get());
  thread_.loop().watch(fd_, ControlLoop::Until::kReadable, [this] { on_readable(); });
  settle(Work::kOpening);
  undo_all();
}

void PostgresBackend::settle(Work work) {
  if (!recovery_.done(work) || thread_.health().is_well()) return;
  backoff_.reset();
  thread_.health().well();
}

void PostgresBackend::dial_later() {
  thread_.loop().after(backoff_.next(milliseconds(options_.reconnect_min_ms),
                                     milliseconds(options_.reconnect_max_ms), random_),
                       [this] { dial(); });
}

void PostgresBackend::broken(const Trouble& trouble, Work work) {
  if (connection_ == nullptr) return;
  recovery_.failed(work, trouble);
  thread_.health().ill(trouble.kind, trouble.why);
  thread_.loop().unwatch(fd_);
  connection_.reset();
  is_flushing_ = is_undoing_ = false;
  for (Group& group : std::exchange(in_flight_, {})) {
    if (group.jobs.empty() && group.done) group.done(std::unexpected(trouble));
    for (StoreJob* const job : group.jobs) {
      if (undo_of(*job).empty()) {
        thread_.fail(*job, StoreError::kUnavailable);
      } else {
        unknown_.push_back(job);
      }
    }
  }
  dial_later();
}

// Whether the server still answers, and does when nobody asks for anything.
void PostgresBackend::look() {
  thread_.loop().after(milliseconds(std::min<std::uint32_t>(options_.probe_ms, 500)),
                       [this] { look(); });
  if (connection_ == nullptr) return;
  const std::uint64_t now_ms = Clock::monotonic_ms();
  const std::uint64_t patience_ms = options_.client.timeout_ms + kGraceMs;
  if (!in_flight_.empty()) {
    if (now_ms > in_flight_.front().sent_ms + patience_ms) {
      broken({StoreTrouble::kTimeout, fmt::format("no answer within {} ms", patience_ms)});
    }
    return;
  }
  if (now_ms < looked_ms_ + options_.probe_ms) return;
  looked_ms_ = now_ms;
  // Once nobody calls, who is to show that calls are done again?
  const bool is_trial = recovery_.owes(Work::kCalls);
  if (std::exchange(has_run_, false) && !is_trial) return;
  Group group;
  group.work = is_trial ? Work::kCalls : Work::kProbe;
  const Plan probe{{Statement::kProbe, {wall_clock_ns()}}};
  group.plans.push_back(is_trial ? trial_of_calls(wall_clock_ns()) : probe);
  send(std::move(group));
}

// --- Calls --------------------------------------------------------------------------------------

void PostgresBackend::on_turn_end() {
  is_busy_ = is_busy_ || !asked_.empty();
  pump();
  if (!to_undo_.empty()) undo_all();
}

void PostgresBackend::pump() {
  if (connection_ == nullptr) {
    for (StoreJob* const job : std::exchange(asked_, {})) {
      thread_.fail(*job, StoreError::kUnavailable);
    }
    for (const auto& jobs : std::exchange(again_, {})) {
      for (StoreJob* const job : jobs) thread_.fail(*job, StoreError::kUnavailable);
    }
    return;
  }
  while (connection_ != nullptr && in_flight_.size() < kMostInFlight) {
    if (!again_.empty()) {
      std::vector<StoreJob*> jobs = std::move(again_.front());
      again_.pop_front();
      send_calls(std::move(jobs));
    } else if (!asked_.empty()) {
      send_calls(take_together(asked_));
    } else {
      return;
    }
  }
}

void PostgresBackend::send_calls(std::vector<StoreJob*> jobs) {
  Group group;
  group.plans = plans_of(jobs, rules_, thread_, sent_until_);
  if (jobs.empty()) return;
  group.jobs = jobs;
  group.done = [this, jobs = std::move(jobs)](Outcome<std::vector<Results>> all) {
    on_calls_done(jobs, std::move(all));
  };
  send(std::move(group));
}

void PostgresBackend::on_calls_done(const std::vector<StoreJob*>& jobs,
                                    Outcome<std::vector<Results>> all) {
  if (!all && all.error().is_blocked) {
    try_again(jobs);
    return;
  }
  if (!all && jobs.size() > 1 && all.error().kind == StoreTrouble::kAnswer) {
    for (StoreJob* const job : jobs) again_.push_back({job});  // the others are not to suffer
    return;
  }
  answer_all(jobs, all, thread_);
}

// Nobody of them is to blame, and nothing has happened yet.
void PostgresBackend::try_again(const std::vector<StoreJob*>& jobs) {
  std::vector<StoreJob*> in_time;
  for (StoreJob* const job : jobs) {
    if (job->is_past(Clock::monotonic_ms())) {
      thread_.fail(*job, StoreError::kTimeout);
    } else {
      in_time.push_back(job);
    }
  }
  if (!in_time.empty()) again_.push_back(std::move(in_time));
}

// What came too late, and what nobody knows of; kept until it can be done.
void PostgresBackend::undo_all() {
  if (connection_ == nullptr || is_undoing_ || (to_undo_.empty() && unknown_.empty())) return;
  Group group;
  const std::size_t late = to_undo_.size();
  const std::size_t unknown = unknown_.size();
  for (StoreJob* const job : to_undo_) group.plans.push_back(undo_of(*job));
  for (StoreJob* const job : unknown_) group.plans.push_back(undo_of(*job));
  is_undoing_ = true;
  group.work = Work::kUndo;
  group.done = [this, late, unknown](const Outcome<std::vector<Results>>& all) {
    is_undoing_ = false;
    if (!all) return;
    for (std::size_t i = 0; i < late; ++i) thread_.answer(*to_undo_[i]);
    for (std::size_t i = 0; i < unknown; ++i) thread_.fail(*unknown_[i], StoreError::kUnavailable);
    to_undo_.erase(to_undo_.begin(), to_undo_.begin() + static_cast<std::ptrdiff_t>(late));
    unknown_.erase(unknown_.begin(), unknown_.begin() + static_cast<std::ptrdiff_t>(unknown));
  };
  send(std::move(group));
}

// --- Others that hold what we need --------------------------------------------------------------

// The server goes on with it before what is sent from now on.
void PostgresBackend::end_stuck() {
  if (connection_ == nullptr || std::exchange(is_ending_stuck_, true)) return;
  Group group;
  group.work = Work::kProbe;
  group.plans.push_back({{Statement::kEndStuck, {Postgres::kLockTimeout.count()}}});
  group.done = [this](const Outcome<std::vector<Results>>& all) {
    is_ending_stuck_ = false;
    const std::int64_t ended = all ? (*all)[0][0].rows[0][0].number : 0;
    if (ended == 0) return;
    spdlog::warn(
        "{} session(s) of other chats in the message store are ended: they held what others "
        "wait for, and did not go on with their transaction for more than {} ms",
        ended, Postgres::kLockTimeout.count());
  };
  send(std::move(group));
}

// Where that does not help, it is an illness of the store.
void PostgresBackend::on_blocked() {
  thread_.health().count(StoreTrouble::kTimeout);
  const std::uint64_t now_ms = Clock::monotonic_ms();
  if (blocked_ms_ == 0) blocked_ms_ = now_ms;
  if (now_ms < blocked_ms_ + kMostBlockedMs) return;
  broken({.kind = StoreTrouble::kTimeout,
          .why = "another session keeps the row of ringgate_schema locked; pg_stat_activity has it",
          .is_of_a_statement = true},
         Work::kCalls);
}

// --- What is too old ----------------------------------------------------------------------------

// A step at a time; one after another while nobody asks for anything.
void PostgresBackend::clean() {
  if (connection_ == nullptr) {
    thread_.loop().after(kCleaningPause, [this] { clean(); });
    return;
  }
  Group group;
  group.work = Work::kCleaning;
  group.plans.push_back(cleaner_.next(wall_clock_ns()));
  group.done = [this](const Outcome<std::vector<Results>>& all) {
    const bool is_over = all && cleaner_.done((*all)[0]);
    milliseconds pause(0);
    if (std::exchange(is_busy_, false) || !all) pause = kCleaningPause;
    if (is_over) pause = milliseconds(options_.cleaning_ms);
    thread_.loop().after(pause, [this] { clean(); });
  };
  send(std::move(group));
}

}  // namespace ringgate::sql
