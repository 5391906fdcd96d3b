#include "services/store/sql/sqlite_backend.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "services/store/message_ids.h"
#include "services/store/sql/calls.h"

namespace ringgate::sql {
namespace {

using std::chrono::milliseconds;

// How long a piece of cleaning may hold up who comes next, and the pause until the next one. It
// goes on while there are calls, too: where they never end, so would what is kept.
constexpr milliseconds kCleaningSlice{5};
constexpr milliseconds kBusySlice{1};
constexpr milliseconds kCleaningPause{20};

// Of one call's own doing, not of the database's.
bool is_of_one_call(const Trouble& trouble) {
  return trouble.kind == StoreTrouble::kAnswer;
}

}  // namespace

SqliteBackend::SqliteBackend(StoreThread& thread, const MessageStoreOptions& options,
                             std::string path)
    : thread_(thread),
      options_(options),
      path_(std::move(path)),
      rules_{options.offline_days, options.max_group_members},
      log_(path_),
      cleaner_(options.message_days) {
  open();
  thread_.loop().after(milliseconds(options_.probe_ms), [this] { probe(); });
  clean_after(kCleaningPause);
}

// Who starts next shall not find the log of another file.
SqliteBackend::~SqliteBackend() {
  close();
  [[maybe_unused]] const auto told = log_.set_aside();  // nobody is there to be told
}

// --- Whether it works ---------------------------------------------------------------------------

void SqliteBackend::open() {
  if (const Outcome<void> opened = try_open(); !opened) {
    broken(Work::kOpening, opened.error());
    return;
  }
  settle(Work::kOpening);
}

void SqliteBackend::settle(Work work) {
  if (!recovery_.done(work)) return;
  backoff_.reset();
  thread_.health().well();
}

void SqliteBackend::close() {
  if (database_ == nullptr) return;
  const bool is_lost = database_->has_lost_its_file();
  database_.reset();
  log_.closed(is_lost);
}

Outcome<void> SqliteBackend::try_open() {
  if (auto aside = log_.set_aside(); !aside) return aside;
  Outcome<std::unique_ptr<Sqlite>> opened = Sqlite::open(path_);
  if (!opened) return std::unexpected(opened.error());
  const Result<std::int64_t> version = schema_of(**opened);
  if (version && *version > known_schema()) {
    return std::unexpected(Trouble{StoreTrouble::kSchema, newer_schema(*version)});
  }
  if (const Result<std::int64_t> migrated = migrate(**opened); !migrated) {
    return std::unexpected(Trouble{(*opened)->last_trouble(), migrated.error().message});
  }
  const Plan probe{{Statement::kProbe, {wall_clock_ns()}}};
  if (const auto probed = (*opened)->run({&probe, 1}); !probed) {
    return std::unexpected(probed.error());
  }
  // A row finds room where talks do not: it would be over, and begin again, with each of them. It
  // may also have been full before this process began.
  if (!path_.empty()) {
    const auto room = (*opened)->try_to_write();
    if (!room && (was_full_ || room.error().kind == StoreTrouble::kFull)) return room;
  }
  const Result<std::optional<std::int64_t>> sent =
      (*opened)->number("SELECT sent_until FROM ringgate_schema");
  if (!sent) return std::unexpected(Trouble{(*opened)->last_trouble(), sent.error().message});
  sent_until_ = sent->value_or(0);
  database_ = std::move(*opened);
  log_.remember();
  was_full_ = false;
  return {};
}

// Its loss outlasts the episode, which is over with the next file.
void SqliteBackend::tell_of_a_lost_file() const {
  spdlog::error(
      "the file of the message store, {}, has been removed or replaced: what was kept in it is not "
      "there any more; a chat that goes on uses what is there now, or begins a new one. To have it "
      "back, end this process first, then put it back",
      path_);
}

void SqliteBackend::broken(Work work, const Trouble& trouble) {
  if (database_ != nullptr && database_->has_lost_its_file()) tell_of_a_lost_file();
  was_full_ = was_full_ || trouble.kind == StoreTrouble::kFull;
  recovery_.failed(work, trouble);
  thread_.health().ill(trouble.kind, trouble.why);
  if (path_.empty() && database_ != nullptr) return;  // closing it would forget everything
  close();
  thread_.loop().after(backoff_.next(milliseconds(options_.reconnect_min_ms),
                                     milliseconds(options_.reconnect_max_ms), random_),
                       [this] { open(); });
}

Outcome<std::vector<Results>> SqliteBackend::run(Work work, std::span<const Plan> plans) {
  Outcome<std::vector<Results>> results = database_->run(plans);
  if (results) {
    settle(work);
    has_run_ = true;
  } else if (is_of_one_call(results.error())) {
    thread_.health().count(results.error().kind);
  } else {
    broken(work, results.error());
  }
  return results;
}

// A disk that is full or read-only would else be noticed by the first who talks.
void SqliteBackend::probe() {
  thread_.loop().after(milliseconds(options_.probe_ms), [this] { probe(); });
  if (database_ == nullptr) return;  // open() is under way
  if (database_->has_lost_its_file()) {
    broken(Work::kProbe, {StoreTrouble::kConnection, "the file has been removed or replaced"});
    return;
  }
  // Once nobody calls, who is to show that calls are done again?
  if (recovery_.owes(Work::kCalls)) {
    sent_until_ = std::max(wall_clock_ns(), sent_until_ + 1);
    const Plan trial = trial_of_calls(sent_until_);
    [[maybe_unused]] const auto told = run(Work::kCalls, {&trial, 1});  // health() is told
    return;
  }
  if (std::exchange(has_run_, false)) return;
  const Plan probe{{Statement::kProbe, {wall_clock_ns()}}};
  [[maybe_unused]] const auto told = run(Work::kProbe, {&probe, 1});  // health() is told
}

// --- Calls --------------------------------------------------------------------------------------

void SqliteBackend::on_turn_end() {
  is_busy_ = is_busy_ || !asked_.empty();
  while (!asked_.empty()) do_calls(take_together(asked_));
  if (!to_undo_.empty()) do_undo();
}

void SqliteBackend::do_calls(std::vector<StoreJob*> jobs) {
  const std::vector<Plan> plans = plans_of(jobs, rules_, thread_, sent_until_);
  if (!jobs.empty()) do_plans(jobs, plans);
}

void SqliteBackend::do_plans(const std::vector<StoreJob*>& jobs, const std::vector<Plan>& plans) {
  Outcome<std::vector<Results>> all = std::unexpected(Trouble{});
  if (database_ != nullptr) all = run(Work::kCalls, plans);
  if (!all && jobs.size() > 1 && is_of_one_call(all.error())) {
    for (StoreJob* const job : jobs) do_calls({job});  // the others are not to suffer
    return;
  }
  answer_all(jobs, all, thread_);
}

// Kept until it can be done.
void SqliteBackend::do_undo() {
  if (database_ == nullptr) return;
  std::vector<Plan> plans;
  plans.reserve(to_undo_.size());
  for (StoreJob* const job : to_undo_) plans.push_back(undo_of(*job));
  if (!run(Work::kUndo, plans)) return;
  for (StoreJob* const job : std::exchange(to_undo_, {})) thread_.answer(*job);
}

// --- What is too old ----------------------------------------------------------------------------

void SqliteBackend::clean_after(milliseconds pause) {
  thread_.loop().after(pause, [this] { clean(); });
}

void SqliteBackend::clean() {
  const milliseconds slice = std::exchange(is_busy_, false) ? kBusySlice : kCleaningSlice;
  const auto until = std::chrono::steady_clock::now() + slice;
  bool is_over = false;
  while (database_ != nullptr && !is_over && std::chrono::steady_clock::now() < until) {
    const Plan plan = cleaner_.next(wall_clock_ns());
    const auto results = run(Work::kCleaning, {&plan, 1});
    if (!results) break;
    is_over = cleaner_.done((*results)[0]);
  }
  clean_after(is_over ? milliseconds(options_.cleaning_ms) : kCleaningPause);
}

}  // namespace ringgate::sql
