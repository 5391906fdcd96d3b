// The shards of one process, without threads: what ShardGroup is in the product. Each turn of a
// shard is Shard::iterate, and between two turns the shard stands where its thread would wait.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/mail_sender.h"
#include "dataplane/shard.h"
#include "dataplane/switchboard.h"
#include "tests/simulation/kernel.h"

namespace ringgate::sim {

struct ShardsOptions {
  std::uint32_t shards = 1;
  std::uint32_t extra_endpoints = 0;
  std::size_t mailbox_bytes = 1 << 20;
  AcceptMode accept = AcceptMode::kNone;
  ShardOptions shard;  // index and shards are filled in
};

class Shards {
 public:
  static constexpr std::uint32_t kMost = 4;  // of a process

  using MakeHandler = std::function<std::unique_ptr<Handler>(std::uint32_t shard)>;

  // `first` is the number of its first shard among all of the world. The listeners outlive this.
  Shards(Kernel& kernel, std::uint32_t process, std::uint32_t first, const ShardsOptions& options,
         std::span<Listener> listeners, const MakeHandler& make_handler);
  // As the end of the process: what is open is closed, and nobody is told.
  ~Shards();
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(members_.size());
  }
  [[nodiscard]] std::uint32_t process() const noexcept { return process_; }
  [[nodiscard]] Shard& shard(std::uint32_t index) noexcept { return *members_[index].shard; }
  [[nodiscard]] const Shard& shard(std::uint32_t index) const noexcept {
    return *members_[index].shard;
  }
  [[nodiscard]] Switchboard& board() noexcept { return *board_; }
  [[nodiscard]] MailSender& sender() noexcept { return *sender_; }
  [[nodiscard]] RingState& ring(std::uint32_t index) noexcept { return *members_[index].ring; }

  // A turn of that shard, if it is not standing still.
  void turn(std::uint32_t index);
  // Its wait is over, unless it has had a turn since.
  void wait_is_over(std::uint32_t index, std::uint32_t version);
  // It gets no turn for so long (SIGSTOP, a machine that is suspended).
  void stand_still(std::uint32_t index, std::uint64_t ms);

  // Mail of control, as ShardGroup::post and flush.
  template <class Payload>
  void post(std::uint32_t to, MailOf<Payload> kind, const std::type_identity_t<Payload>& payload) {
    sender_->send(to, kind, bytes_of(payload));
  }
  void flush();
  template <class Use>
  void drain(Use&& use) {
    const std::uint32_t control = board_->control();
    board_->awake(control);
    do {
      board_->drain(control, use);
    } while (!board_->prepare_sleep(control));
  }

  template <NamedBy<CounterName> Enum>
  [[nodiscard]] std::uint64_t count(Enum counter) const {
    std::uint64_t sum = 0;
    for (const Member& one : members_) sum += one.shard->counters().get(counter);
    return sum;
  }
  template <NamedBy<GaugeName> Enum>
  [[nodiscard]] std::uint64_t gauge(Enum gauge) const {
    std::uint64_t sum = 0;
    for (const Member& one : members_) sum += one.shard->counters().get(gauge);
    return sum;
  }

 private:
  struct Member {
    std::unique_ptr<Handler> handler;
    std::unique_ptr<Shard> shard;
    RingState* ring = nullptr;
    unsigned wait_ms = 0;
    std::uint32_t version = 0;  // of its wait
    std::uint64_t stands_until_ns = 0;
    std::uint64_t turned_ns = 0;
    bool asleep = false;
    bool woken_by_time = false;
  };
  void look_at_mail(const Member& member, std::uint32_t index);
  void wait(Member& member, std::uint32_t index);
  [[nodiscard]] bool has_mail(std::uint32_t index);

  Kernel& kernel_;
  Scheduler& scheduler_;
  std::uint32_t process_;
  std::uint32_t first_;
  std::unique_ptr<Switchboard> board_;
  std::unique_ptr<MailSender> sender_;
  std::vector<Member> members_;
};

}  // namespace ringgate::sim
