// PostgresBackend: groups of statements go out, results come in, in the same order.
#include <arpa/inet.h>
#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "codec/bytes.h"
#include "dataplane/clock.h"
#include "services/store/sql/postgres_backend.h"

namespace ringgate::sql {
namespace {

constexpr Oid kInt8 = 20;
constexpr Oid kInt4 = 23;

// Everything comes in binary.
Cell cell_of(const PGresult* result, int row, int column) {
  Cell cell;
  const char* const value = PQgetvalue(result, row, column);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(value);
  const auto size = static_cast<std::size_t>(PQgetlength(result, row, column));
  const Oid type = PQftype(result, column);
  if (type == kInt8 && size == sizeof(std::int64_t)) {
    cell.number = load_be<std::int64_t>(bytes);
  } else if (type == kInt4 && size == sizeof(std::int32_t)) {
    cell.number = load_be<std::int32_t>(bytes);
  } else {
    cell.text.assign(value, size);
  }
  return cell;
}

Rows rows_of(PGresult* result) {
  Rows rows;
  const std::string_view changed = PQcmdTuples(result);
  std::from_chars(changed.data(), changed.data() + changed.size(), rows.changed);
  rows.rows.resize(static_cast<std::size_t>(PQntuples(result)));
  for (int i = 0; i < PQntuples(result); ++i) {
    Row& row = rows.rows[static_cast<std::size_t>(i)];
    for (int k = 0; k < PQnfields(result); ++k) row.push_back(cell_of(result, i, k));
  }
  return rows;
}

// The row that all who talk wait for.
bool begins_with_schema_row(const std::vector<Plan>& plans) {
  if (plans.front().empty()) return false;
  const Statement first = plans.front().front().statement;
  return first == Statement::kClaimTimes || first == Statement::kProbe;
}

}  // namespace

bool PostgresBackend::send(const Step& step) {
  const StatementText& text = text_of(step.statement);
  std::array<std::array<std::uint8_t, sizeof(std::int64_t)>, Step::kMostValues> numbers;
  std::array<const char*, Step::kMostValues> values{};
  std::array<int, Step::kMostValues> lengths{};
  std::array<int, Step::kMostValues> formats{};
  for (std::size_t i = 0; i < step.count; ++i) {
    formats[i] = 1;
    if (text.types[i] == 'n') {
      store_be(numbers[i].data(), step.values[i].number);
      values[i] = reinterpret_cast<const char*>(numbers[i].data());
      lengths[i] = static_cast<int>(numbers[i].size());
    } else {
      // Null would be NULL.
      values[i] = step.values[i].text.empty() ? "" : step.values[i].text.data();
      lengths[i] = static_cast<int>(step.values[i].text.size());
    }
  }
  // Names are literals: what is behind each is a zero.
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage)
  return PQsendQueryPrepared(connection_->get(), text.name.data(), step.count, values.data(),
                             lengths.data(), formats.data(), 1) == 1;
}

void PostgresBackend::send(Group group) {
  bool sent = true;
  for (const Plan& plan : group.plans) {
    for (const Step& step : plan) sent = sent && send(step);
    Results results;
    results.reserve(plan.size());
    group.results.push_back(std::move(results));
  }
  sent = sent && PQpipelineSync(connection_->get()) == 1;
  group.sent_ms = Clock::monotonic_ms();
  in_flight_.push_back(std::move(group));
  if (sent) {
    flush();
  } else {
    broken(trouble_of(connection_->get()));
  }
}

void PostgresBackend::flush() {
  const int left = PQflush(connection_->get());
  if (left < 0) {
    broken(trouble_of(connection_->get()));
    return;
  }
  const bool is_flushing = left > 0;
  if (std::exchange(is_flushing_, is_flushing) == is_flushing) return;
  thread_.loop().watch(fd_,
                       is_flushing ? ControlLoop::Until::kEither : ControlLoop::Until::kReadable,
                       [this] { on_readable(); });
}

void PostgresBackend::on_readable() {
  if (PQconsumeInput(connection_->get()) != 1) {
    broken(trouble_of(connection_->get()));
    return;
  }
  if (is_flushing_) flush();
  bool was_null = false;  // a null ends the results of a statement; two: there is nothing more
  while (connection_ != nullptr && !in_flight_.empty() && PQisBusy(connection_->get()) == 0) {
    PGresult* const result = PQgetResult(connection_->get());
    if (result == nullptr) {
      if (std::exchange(was_null, true)) break;
      continue;
    }
    was_null = false;
    take_result(result);
  }
  pump();
}

void PostgresBackend::take_result(PGresult* result) {
  Group& group = in_flight_.front();
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK: {
      // The first plan that has not had all of its steps.
      std::size_t at = group.at;
      while (group.results[at].size() == group.plans[at].size()) ++at;
      group.at = at;
      group.results[at].push_back(rows_of(result));
      break;
    }
    case PGRES_PIPELINE_SYNC: {
      Group whole = std::move(group);
      in_flight_.pop_front();
      PQclear(result);
      finish(std::move(whole));
      return;
    }
    case PGRES_PIPELINE_ABORTED:
      break;
    default:
      if (group.trouble) break;
      group.trouble = trouble_of(result);
      group.trouble->is_of_a_statement = group.trouble->kind != StoreTrouble::kConnection &&
                                         group.trouble->kind != StoreTrouble::kLoading;
  }
  PQclear(result);
}

void PostgresBackend::finish(Group group) {
  if (!group.trouble) {
    has_run_ = true;
    if (begins_with_schema_row(group.plans)) blocked_ms_ = 0;
    settle(group.work);
    if (group.done) group.done(std::move(group.results));
    return;
  }
  Trouble trouble = std::move(*group.trouble);
  const bool all_wait =
      trouble.is_blocked && begins_with_schema_row(group.plans) && group.results[0].empty();
  if (trouble.is_blocked) end_stuck();
  // Where one of many waits, the others are not to wait with it.
  trouble.is_blocked = all_wait || (trouble.is_blocked && group.jobs.size() == 1);
  if (group.done) group.done(std::unexpected(trouble));
  if (all_wait) {
    on_blocked();
  } else if (trouble.kind == StoreTrouble::kAnswer) {
    thread_.health().count(trouble.kind);
  } else {
    broken(trouble, group.work);
  }
}

}  // namespace ringgate::sql
