#include "services/gateway/status/history.h"

#include <algorithm>
#include <utility>

#include "control/base/json_writer.h"

namespace ringgate {
namespace {

constexpr std::size_t kRatePoints = 11;  // ten seconds lie between the first and the last
constexpr std::size_t kMinute = 60;
constexpr std::array<const char*, 7> kRateNames = {"logins", "loginsBad", "in",      "out",
                                                   "errors", "bytesIn",   "bytesOut"};

std::array<std::uint64_t, 7> counters_of(const StatusTotals& totals) {
  return {totals.logins, totals.logins_bad, totals.in,       totals.out,
          totals.errors, totals.bytes_in,   totals.bytes_out};
}

}  // namespace

void StatusHistory::add(const StatusTotals& totals, const Instances& instances, Time now,
                        std::int64_t unix_ms) {
  const bool is_first = last_at_ == Time{};
  const double seconds = std::chrono::duration<double>(now - last_at_).count();
  Sample sample{.unix_ms = unix_ms, .clients = totals.clients, .channels = totals.channels};
  if (!is_first && seconds > 0) {
    const auto before = counters_of(last_);
    const auto after = counters_of(totals);
    for (std::size_t i = 0; i < after.size(); ++i) {
      sample.rates[i] = static_cast<double>(after[i] - before[i]) / seconds;
    }
    for (std::size_t i = 0; i < sample.closed.size(); ++i) {
      sample.closed[i] = static_cast<std::uint32_t>(totals.closed[i] - last_.closed[i]);
    }
  }
  last_ = totals;
  last_at_ = now;
  instances_.push_back({now, instances});
  if (instances_.size() > kRatePoints) instances_.pop_front();
  if (is_first) return;  // there is nothing that it could be compared with
  const MutexLock lock(mutex_);
  samples_.push_back(sample);
  if (samples_.size() > most_) samples_.pop_front();
  ++next_;
}

InstanceRates StatusHistory::rates_of(std::uint32_t upstream) const {
  InstanceRates rates;
  if (instances_.size() < 2) return rates;
  const auto after = instances_.back().totals.find(upstream);
  const auto before = instances_.front().totals.find(upstream);
  if (after == instances_.back().totals.end()) return rates;
  const InstanceTotals none;
  const InstanceTotals& old = before == instances_.front().totals.end() ? none : before->second;
  const InstanceTotals& is = after->second;
  const double seconds =
      std::chrono::duration<double>(instances_.back().at - instances_.front().at).count();
  const auto answered = static_cast<double>(is.answered - old.answered);
  rates.forwarded = static_cast<double>(is.forwarded - old.forwarded) / seconds;
  rates.failed =
      static_cast<double>(is.failed - old.failed + is.unanswered - old.unanswered) / seconds;
  if (answered > 0)
    rates.answer_ms = static_cast<double>(is.took_us - old.took_us) / answered / 1e3;
  return rates;
}

void StatusHistory::write_samples(JsonWriter& json, std::uint64_t since) const {
  std::vector<Sample> samples;
  std::uint64_t next = 0;
  {
    const MutexLock lock(mutex_);
    next = next_;
    // What is not known any more, and what was said by an earlier process, begins anew.
    const std::uint64_t first = next_ - samples_.size();
    const std::uint64_t from = since < first || since > next_ ? first : since;
    samples.assign(samples_.begin() + static_cast<std::ptrdiff_t>(from - first), samples_.end());
  }
  json.object("history", [&] {
    json.count("next", next);
    json.array("fields", [&] {
      for (const char* name : {"time", "clients", "channels"}) json.text("", name);
      for (const char* name : kRateNames) json.text("", name);
    });
    json.array("samples", [&] {
      for (const Sample& sample : samples) {
        json.array("", [&] {
          json.count("", static_cast<std::uint64_t>(sample.unix_ms));
          json.count("", sample.clients);
          json.count("", sample.channels);
          for (const double rate : sample.rates) json.number("", rate, 1);
        });
      }
    });
  });
}

std::vector<StatusHistory::Closes> StatusHistory::recent_closes() const {
  std::vector<Closes> closes;
  const MutexLock lock(mutex_);
  for (std::size_t reason = 1; reason < CloseReason::kMost; ++reason) {
    Closes one{.reason = CloseReason::at(reason)};
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      one.all += samples_[i].closed[reason];
      if (i + kMinute >= samples_.size()) one.last_minute += samples_[i].closed[reason];
    }
    if (one.all > 0) closes.push_back(one);
  }
  std::ranges::sort(closes, [](const Closes& one, const Closes& other) {
    return std::pair(other.all, one.reason.index()) < std::pair(one.all, other.reason.index());
  });
  return closes;
}

void StatusHistory::write_closes(JsonWriter& json, const std::vector<Closes>& closes) {
  json.array("closes", [&] {
    for (const Closes& one : closes) {
      json.object("", [&] {
        json.text("reason", one.name);
        json.count("lastMinute", one.last_minute);
        json.count("all", one.all);
      });
    }
  });
}

}  // namespace ringgate
