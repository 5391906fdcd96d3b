#include "services/store/calls/client.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/calls/call.h"
#include "services/store/mail_kinds.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kMostUs = std::numeric_limits<std::uint32_t>::max();

}  // namespace

StoreClient::StoreClient(const StoreClientOptions& options, Shard& shard,
                         std::span<StoreCallCells> cells) noexcept
    : shard_(shard),
      to_(shard.extra(options.endpoint)),
      timeout_ms_(options.timeout_ms),
      max_in_flight_(options.max_in_flight),
      cells_(cells) {}

StoreClient::StoreClient(AnswerHere answer_here, Shard& shard,
                         std::span<StoreCallCells> cells) noexcept
    : shard_(shard), answer_here_(std::move(answer_here)), cells_(cells) {}

void StoreClient::refused(std::uint8_t call, StoreError error) noexcept {
  StoreCallCells& cells = cells_[call];
  cells.calls.add(1);
  cells.errors[static_cast<std::size_t>(error)].add(1);
}

std::optional<StoreError> StoreClient::submit(std::unique_ptr<StoreJob>& job,
                                              StoreCallBase& waiting) {
  StoreJob* const asked = job.get();
  if (answer_here_) {
    answer_here(*asked);
    return std::nullopt;
  }
  if (in_flight_ >= max_in_flight_ || !shard_.mail(to_, kMailStoreCall, StoreJobMail{asked})) {
    refused(asked->call, StoreError::kFull);
    return StoreError::kFull;
  }
  // Nobody reads the mail before the end of this turn.
  asked->client_ = this;
  asked->shard_ = shard_.index();
  asked->waiting_ = &waiting;
  asked->asked_ns_ = Clock::monotonic_ns();
  asked->past_ms_ = Clock::monotonic_ms() + timeout_ms_;
  asked->deadline_ms_ = Clock::deadline(shard_.now_ms(), timeout_ms_);
  asked_.push_back(std::move(job));
  asked->place_ = std::prev(asked_.end());
  cells_[asked->call].calls.add(1);
  change_in_flight(*asked, +1);
  return std::nullopt;
}

void StoreClient::answer_here(StoreJob& job) {
  StoreCallCells& cells = cells_[job.call];
  cells.calls.add(1);
  job.asked_ns_ = Clock::monotonic_ns();
  answer_here_(job);
  count_answered(job, cells);
}

void StoreClient::take_done(ByteView mail) {
  StoreJob* const job = kMailStoreDone.read(mail).job;
  job->client_->done(*job);
}

void StoreClient::done(StoreJob& job) {
  StoreCallCells& cells = cells_[job.call];
  if (job.gave_up_) {
    if (!job.undone_) {
      cells.late.add(1);
      job.undone_ = true;
      if (!job.error()) {
        shard_.mail_surely(to_, kMailStoreLate, StoreJobMail{&job});
        return;  // it comes back once more
      }
    }
    change_in_flight(job, -1);
    overdue_.erase(job.place_);
    return;
  }
  count_answered(job, cells);
  change_in_flight(job, -1);
  std::unique_ptr<StoreJob> answered = std::move(*job.place_);
  asked_.erase(job.place_);
  if (job.waiting_ == nullptr) {
    cells.dropped.add(1);
  } else {
    std::exchange(job.waiting_, nullptr)->complete(std::move(answered));
  }
}

void StoreClient::count_answered(const StoreJob& job, StoreCallCells& cells) noexcept {
  const std::uint64_t took_us = (Clock::monotonic_ns() - job.asked_ns_) / 1'000;
  cells.took.record(static_cast<std::uint32_t>(std::min(took_us, kMostUs)));
  if (const std::optional<StoreError> error = job.error()) {
    cells.errors[static_cast<std::size_t>(*error)].add(1);
  }
}

void StoreClient::on_tick() {
  while (!asked_.empty() && Clock::passed(shard_.now_ms(), asked_.front()->deadline_ms_)) {
    StoreJob& job = *asked_.front();
    overdue_.splice(overdue_.end(), asked_, job.place_);
    job.gave_up_ = true;
    cells_[job.call].errors[static_cast<std::size_t>(StoreError::kTimeout)].add(1);
    // It may ask more, whose deadlines are later.
    if (job.waiting_ != nullptr) {
      std::exchange(job.waiting_, nullptr)->fail(StoreError::kTimeout);
    }
  }
}

void StoreClient::change_in_flight(const StoreJob& job, int by) noexcept {
  in_flight_ += static_cast<std::size_t>(by);
  cells_[job.call].in_flight.add(static_cast<std::uint64_t>(by));
}

// --- StoreCallBase ------------------------------------------------------------------------------

StoreCallBase::StoreCallBase(StoreClient& client, std::uint8_t call, StoreError error) noexcept
    : client_(client), error_(error) {
  client.refused(call, error);
}

StoreCallBase::~StoreCallBase() {
  if (asked_ != nullptr) client_.forget(*asked_);
}

bool StoreCallBase::await_suspend(std::coroutine_handle<> waiting) {
  StoreJob* const asked = job_.get();
  error_ = client_.submit(job_, *this);
  if (error_ || job_ != nullptr) return false;
  asked_ = asked;
  waiting_ = waiting;
  return true;
}

void StoreCallBase::complete(std::unique_ptr<StoreJob> answered) {
  asked_ = nullptr;
  job_ = std::move(answered);
  std::exchange(waiting_, {}).resume();
}

void StoreCallBase::fail(StoreError error) {
  asked_ = nullptr;
  error_ = error;
  std::exchange(waiting_, {}).resume();
}

}  // namespace ringgate
