// RedisStoreThread: whether the store works. Keys of ours are written and read as a sign-in does
// it; only an answer to that says that it works, whatever a connection or other answers seem to.
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "dataplane/clock.h"
#include "services/store/layout.h"
#include "services/store/redis/scripts.h"
#include "services/store/redis/thread.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kSoonestMs = 100;  // between two probes, however much else fails
constexpr const char* kProbeTtlS = "10";
// Where sessions and locations are, as permissions may be for those alone; what follows has too
// many commas for a channel or an account.
constexpr const char* kProbeName = "ringgate,probe,";

}  // namespace

void RedisStoreThread::on_connected() {
  probe_at_ms_ = 0;
  unheard_ = true;
  server_clock_ms_.reset();  // it may be another server
  next_epoch();
}

// What was said before may have been lost, with a server or with its answer.
void RedisStoreThread::next_epoch() {
  ++epoch_;
  epochs_.fetch_add(1, std::memory_order_relaxed);
}

void RedisStoreThread::on_broken(StoreTrouble trouble, std::string_view why) {
  probe_at_ms_ = renew_at_ms_ = kNever;
  if (std::exchange(lease_valid_, false)) tell_shards();
  unheard_ = true;
  server_clock_ms_.reset();
  alive_until_ms_.clear();
  health_.ill(trouble, why);
}

void RedisStoreThread::probe() {
  probed_ms_ = Clock::monotonic_ms();
  probe_at_ms_ = kNever;  // until its answer
  ask_clock();
  // A new value each time: an answer is this one's or nobody's.
  std::string value = fmt::format("{}-{}", owner_, ++probes_);
  const std::vector<std::string> words = {"EVAL",
                                          kProbeScript,
                                          "2",
                                          std::string(kSessionPrefix) + kProbeName + owner_,
                                          std::string(kLocationPrefix) + kProbeName + owner_,
                                          value,
                                          kProbeTtlS};
  const bool sent = connection_->send(
      words,
      [this, value = std::move(value)](const redisReply* reply) { on_probed(reply, value); });
  static_cast<void>(sent);  // not without a connection: the next one begins with a probe
}

void RedisStoreThread::on_probed(const redisReply* reply, const std::string& wrote) {
  if (reply == nullptr) return;  // on_broken tells, or a new connection is being dialled
  unheard_ = false;
  probe_at_ms_ = probed_ms_ + options_.probe_ms;
  if (reply->type == REDIS_REPLY_ERROR) {
    const std::string_view error(reply->str, reply->len);
    refused(trouble_of(error), error);
  } else if (reply->type != REDIS_REPLY_STRING ||
             std::string_view(reply->str, reply->len) != wrote) {
    refused(StoreTrouble::kAnswer, "what was written is not what it holds");
  } else {
    connection_->settle();
    const bool wants_lease = !health_.is_well() || (!lease_valid_ && renew_at_ms_ == kNever);
    if (options_.leases_node && wants_lease) renew_at_ms_ = 0;
    health_.well();
    ask_same_data();
    pay_owed();
    health_.set_ids_problem(lease_valid_ ? std::optional<std::string>() : no_lease_);
  }
}

// The server read its clock before its answer was here: what it was then, it is now at least.
void RedisStoreThread::ask_clock() {
  const std::vector<std::string> words = {"TIME"};
  static_cast<void>(connection_->send(words, [this](const redisReply* reply) {
    server_clock_ms_.reset();
    if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) return;
    std::int64_t parts[2] = {};  // s, us
    for (std::size_t i = 0; i < 2; ++i) {
      const redisReply& part = *reply->element[i];
      if (part.type != REDIS_REPLY_STRING) return;
      std::from_chars(part.str, part.str + part.len, parts[i]);
    }
    server_clock_ms_ =
        parts[0] * 1000 + parts[1] / 1000 - static_cast<std::int64_t>(Clock::monotonic_ms());
  }));
}

std::string RedisStoreThread::last_ms() const {
  if (!server_clock_ms_) return "0";
  return std::to_string(*server_clock_ms_ + static_cast<std::int64_t>(Clock::monotonic_ms()) +
                        options_.timeout_ms);
}

// Of all that may be wrong only a lack of memory is certain to be the same at a new connection:
// another server may have become the master, the password may be set, the data loaded.
void RedisStoreThread::refused(StoreTrouble trouble, std::string_view why) {
  health_.ill(trouble, why);
  if (trouble != StoreTrouble::kFull) connection_->redial_later();
}

void RedisStoreThread::probe_soon() {
  if (probe_at_ms_ != kNever) probe_at_ms_ = std::min(probe_at_ms_, probed_ms_ + kSoonestMs);
}

}  // namespace ringgate
