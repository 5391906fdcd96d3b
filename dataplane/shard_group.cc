#include "dataplane/shard_group.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "dataplane/check.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

// Signals are for the control thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  // Where it fails (the CPU went away) the shard runs unpinned: slower, not wrong.
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

Result<std::unique_ptr<ShardGroup>> ShardGroup::create(const ShardGroupOptions& options,
                                                       const MakeHandler& make_handler) {
  Result<std::unique_ptr<Switchboard>> switchboard =
      Switchboard::create(options.shards, options.extra_endpoints, options.mailbox_bytes);
  if (!switchboard) return std::unexpected(switchboard.error());
  std::unique_ptr<ShardGroup> group(new ShardGroup);
  group->options_ = options;
  group->switchboard_ = std::move(*switchboard);
  group->sender_ =
      std::make_unique<MailSender>(*group->switchboard_, group->switchboard_->control());
  // Control waits in a poll of its own, so its first mail has to wake it too.
  RINGGATE_CHECK(group->switchboard_->prepare_sleep(group->switchboard_->control()));
  for (std::uint32_t i = 0; i < options.shards; ++i) {
    ShardOptions shard = options.shard;
    shard.index = i;
    shard.shards = options.shards;
    group->handlers_.push_back(make_handler(i));
    group->shards_.push_back(
        std::make_unique<Shard>(shard, *group->switchboard_, *group->handlers_.back()));
  }
  return group;
}

// What handlers hold is of their shards' pools.
ShardGroup::~ShardGroup() {
  stop();
  handlers_.clear();
}

Result<void> ShardGroup::start(std::span<Listener> listeners) {
  std::vector<std::future<Result<void>>> started;
  started.reserve(size());
  Result<void> all;
  for (std::uint32_t i = 0; all && i < size(); ++i) {
    std::promise<Result<void>> promise;
    std::future<Result<void>> future = promise.get_future();
    try {
      threads_.emplace_back([this, i, listeners, promise = std::move(promise)]() mutable {
        run_shard(i, listeners, std::move(promise));
      });
      started.push_back(std::move(future));
    } catch (const std::system_error&) {
      all = fail("no thread for " + options_.name + std::to_string(i) + ": " + why_no_thread());
    }
  }
  for (auto& future : started) {
    Result<void> one = future.get();
    if (!one && all) all = std::move(one);
  }
  if (!all) stop();
  return all;
}

void ShardGroup::run_shard(std::uint32_t index, std::span<Listener> listeners,
                           std::promise<Result<void>> started) {
  block_signals();
  const std::string name = options_.name + std::to_string(index);
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  if (!options_.cpus.empty()) pin_to(options_.cpus[index % options_.cpus.size()]);
  Shard& shard = *shards_[index];
  Result<void> result;
  try {
    result = shard.start(options_.accept, listeners, options_.accept_at_start);
  } catch (const std::bad_alloc&) {
    result = fail("out of memory, raise the limit of the process's memory (ulimit -v)");
  }
  const bool running = result.has_value();
  started.set_value(std::move(result));
  if (running) shard.run();
}

void ShardGroup::start_accepting() {
  for (std::uint32_t i = 0; i < size(); ++i) post(i, kMailAccept, {});
}

void ShardGroup::stop() {
  if (threads_.empty()) return;
  for (std::uint32_t i = 0; i < size(); ++i) post(i, kMailStop, {});
  while (flush()) std::this_thread::yield();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  ended_ = true;
  for (const auto& shard : shards_) shard->discard_mail();
}

void ShardGroup::send(std::uint32_t shard, MailKind kind, ByteView head, ByteView more) {
  if (ended_) {
    Shard::discard(kind, head);
  } else {
    sender_->send(shard, kind, head, more);
  }
}

bool ShardGroup::flush() {
  sender_->flush();
  return sender_->is_waiting();
}

void ShardGroup::drain(const Use& use) {
  const std::uint32_t control = switchboard_->control();
  switchboard_->awake(control);
  switchboard_->clear_wake(control);
  do {
    switchboard_->drain(control, use);
  } while (!switchboard_->prepare_sleep(control));
}

}  // namespace ringgate
