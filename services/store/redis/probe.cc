// RedisStoreThread: whether the store works. Keys of ours are written and read as a sign-in does
// it; only an answer to that says that it works, whatever a connection or other answers seem to.
#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
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
}

void RedisStoreThread::on_broken(StoreTrouble trouble, std::string_view why) {
  probe_at_ms_ = renew_at_ms_ = kNever;
  if (std::exchange(lease_valid_, false)) tell_shards();
  hangs_ = hangs_ || trouble == StoreTrouble::kTimeout;
  health_.ill(trouble, why);
}

void RedisStoreThread::probe() {
  probed_ms_ = Clock::monotonic_ms();
  probe_at_ms_ = kNever;  // until its answer
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
  hangs_ = false;
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
    health_.set_ids_problem(lease_valid_ ? std::optional<std::string>() : no_lease_);
  }
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
