#include "tests/simulation/shards.h"

#include <stdexcept>
#include <utility>

#include "tests/simulation/shard_wait.h"

namespace ringgate::sim {
namespace {

std::uint64_t time_ms() {
  return 1'000'000 + Kernel::current()->scheduler().now_ms();
}

}  // namespace

Shards::Shards(Kernel& kernel, std::uint32_t process, std::uint32_t first,
               const ShardsOptions& options, std::span<Listener> listeners,
               const MakeHandler& make_handler)
    : kernel_(kernel), scheduler_(kernel.scheduler()), process_(process), first_(first) {
  auto board = Switchboard::create(options.shards, options.extra_endpoints, options.mailbox_bytes);
  if (!board) throw std::runtime_error(board.error().message);
  board_ = std::move(*board);
  sender_ = std::make_unique<MailSender>(*board_, board_->control());
  static_cast<void>(board_->prepare_sleep(board_->control()));
  kernel_.watch(board_->wake_fd(board_->control()), Actor::kControl, process);
  for (std::uint32_t i = 0; i < options.shards; ++i) {
    Member& member = members_.emplace_back();
    member.handler = make_handler(i);
    ShardOptions shard = options.shard;
    shard.index = i;
    shard.shards = options.shards;
    shard.time_ms = &time_ms;
    member.shard = std::make_unique<Shard>(shard, *board_, *member.handler);
  }
  for (std::uint32_t i = 0; i < options.shards; ++i) {
    Member& member = members_[i];
    kernel_.expect_ring(process, first + i, board_->wake_fd(i));
    if (auto started = member.shard->start(options.accept, listeners); !started) {
      throw std::runtime_error(started.error().message);
    }
    member.ring = &kernel_.ring_of(first + i);
    member.turned_ns = scheduler_.now_ns();
    wait(member, i);
  }
}

Shards::~Shards() {
  for (Member& member : members_) member.shard->discard_mail();
  // In the order of ShardGroup: all shards, then their handlers.
  for (Member& member : members_) member.shard.reset();
  members_.clear();
  for (std::uint32_t i = 0; i < board_->endpoints(); ++i) kernel_.unwatch(board_->wake_fd(i));
  kernel_.end_process(process_);
}

void Shards::flush() {
  sender_->flush();
  if (sender_->is_waiting()) scheduler_.after(kMs, Actor::kControl, process_);
}

void Shards::turn(std::uint32_t index) {
  Member& member = members_[index];
  member.ring->listed = false;
  if (member.stands_until_ns > scheduler_.now_ns()) return;
  look_at_mail(member, index);
  member.asleep = false;
  member.woken_by_time = false;
  ++member.version;
  member.turned_ns = scheduler_.now_ns();
  member.shard->iterate(member.wait_ms);
  // Its thread would be here, and go into its wait.
  wait(member, index);
}

void Shards::wait(Member& member, std::uint32_t index) {
  kernel_.submit(*member.ring);
  member.wait_ms = wait_of(*member.shard);
  if (member.wait_ms > Switchboard::kMaxSleepMs) {
    scheduler_.fail("a shard would wait longer than its bound");
  }
  const bool goes_on =
      member.wait_ms == 0 || member.ring->has_ready() || !board_->prepare_sleep(index);
  if (goes_on) {
    if (!std::exchange(member.ring->listed, true)) scheduler_.ready(Actor::kShard, first_ + index);
    return;
  }
  member.asleep = true;
  scheduler_.after(member.wait_ms * kMs, Actor::kTimeout, first_ + index, member.version);
}

void Shards::wait_is_over(std::uint32_t index, std::uint32_t version) {
  Member& member = members_[index];
  if (member.version != version || std::exchange(member.ring->listed, true)) return;
  member.woken_by_time = true;
  scheduler_.ready(Actor::kShard, first_ + index);
}

void Shards::stand_still(std::uint32_t index, std::uint64_t ms) {
  Member& member = members_[index];
  member.stands_until_ns = scheduler_.now_ns() + ms * kMs;
  // Whatever it was to do meanwhile, it does then.
  scheduler_.after(ms * kMs + 1, Actor::kTimeout, first_ + index, member.version);
}

bool Shards::has_mail(std::uint32_t index) {
  for (std::uint32_t from = 0; from < board_->endpoints(); ++from) {
    if (from != index && board_->box(from, index).ready()) return true;
  }
  return false;
}

// Mail that came while a shard slept has woken it, or its wake-up was lost.
void Shards::look_at_mail(const Member& member, std::uint32_t index) {
  if (!member.asleep || !member.woken_by_time || member.ring->wake_waits) return;
  if (has_mail(index) && kernel_.lost_wakeups() == 0) {
    scheduler_.fail("a shard slept on its mail, and no wake-up was lost");
  }
}

}  // namespace ringgate::sim
