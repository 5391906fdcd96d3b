#include "services/store/redis/sessions.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <random>
#include <utility>

#include "dataplane/clock.h"

namespace ringgate {
namespace {

constexpr std::uint64_t kTurnMs = 100;    // of the loop, at the latest
constexpr std::uint64_t kStallMs = 1000;  // a turn that is so much too late: nobody ran

std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

RedisSessions::RedisSessions(StoreThread& thread, const RedisStoreOptions& options,
                             RedisCounts& counts)
    : thread_(thread),
      options_(options),
      counts_(counts),
      health_(thread.health()),
      owner_(random_name()),
      turned_ms_(Clock::monotonic_ms()),
      names_(std::make_unique<RedisNames>(std::chrono::milliseconds(options.timeout_ms))) {
  thread_.loop().watch(watched_.fd(), ControlLoop::Until::kReadable, [] {});  // a turn sees to it
  dial();
}

RedisSessions::~RedisSessions() {
  lease_.give_back([this](int wait_ms) { poll_servers(wait_ms); });
  thread_.loop().unwatch(watched_.fd());
  thread_.loop().cancel(wake_);
  asker_.use(nullptr);
}

void RedisSessions::dial() {
  asker_.use(RedisServers::create(
      options_.target, {options_, *names_, &counts_.traffic},
      {[this](RedisNode&) { on_connected(); },
       [this](const RedisNode& node, StoreTrouble trouble, std::string_view why) {
         on_broken(node, trouble, why);
       },
       [this](StoreTrouble trouble, std::string_view why) { health_.ill(trouble, why); },
       [this] { rolls_.on_data_lost(); }}));
}

// A reload. The same servers, let in by the same means, stay as they are.
void RedisSessions::use(const RedisTarget& target,
                        const std::shared_ptr<const RedisTlsContext>& tls) {
  const bool has_same_tls = tls == options_.tls || (tls != nullptr && options_.tls != nullptr &&
                                                    tls->is_same(*options_.tls));
  if (has_same_tls && target == options_.target) return;
  asker_.servers()->drop_all("the configuration has changed");
  asker_.use(nullptr);
  options_.target = target;
  options_.tls = tls;
  health_.set_address("redis " + options_.target.name());
  rolls_.forget_data();
  dial();
}

// Calls have been taken, and what they ask is sent now.
void RedisSessions::on_turn_end() {
  const std::uint64_t before_ms = std::exchange(turned_ms_, Clock::monotonic_ms());
  if (turned_ms_ > before_ms + kTurnMs + kStallMs) catch_up(before_ms);
  poll_servers(0);
  probe_all(turned_ms_);
  lease_.turn(turned_ms_);
  files_.assign({{names_->fd(), POLLIN, 0}});
  asker_.servers()->add_files(files_);
  watched_.watch(files_);
  wake_in_time();
}

void RedisSessions::poll_servers(int wait_ms) {
  names_->turn();
  files_.clear();
  asker_.servers()->add_files(files_);
  poll(files_.data(), files_.size(), wait_ms);
  asker_.servers()->turn(files_.data(), Clock::monotonic_ms());
}

// The process stood still: the answers that came meanwhile are read before their time is judged.
void RedisSessions::catch_up(std::uint64_t then_ms) {
  constexpr int kMostReads = 1000;  // of 256 KiB from each
  for (int i = 0; i < kMostReads; ++i) {
    files_.clear();
    asker_.servers()->add_files(files_);
    const bool any_came = std::ranges::any_of(files_, [](const pollfd& file) {
      pollfd one{file.fd, POLLIN, 0};
      return file.fd >= 0 && poll(&one, 1, 0) > 0;
    });
    if (!any_came) return;
    poll(files_.data(), files_.size(), 0);
    asker_.servers()->turn(files_.data(), then_ms);
  }
}

// What is due before the loop turns anyway.
void RedisSessions::wake_in_time() {
  std::uint64_t at_ms = std::min(asker_.servers()->next_turn_ms(), lease_.next_turn_ms());
  for (const auto& node : asker_.servers()->nodes()) at_ms = std::min(at_ms, node->probe_at_ms);
  if (at_ms >= turned_ms_ + kTurnMs) at_ms = kNever;
  if (at_ms == wake_at_ms_) return;
  thread_.loop().cancel(wake_);
  wake_at_ms_ = at_ms;
  if (at_ms == kNever) return;
  // One more: the clock is coarse, and a loop that wakes just before its time would spin.
  const std::uint64_t left_ms = at_ms > turned_ms_ ? at_ms - turned_ms_ + 1 : 0;
  wake_ =
      thread_.loop().after(std::chrono::milliseconds(left_ms), [this] { wake_at_ms_ = kNever; });
}

}  // namespace ringgate
