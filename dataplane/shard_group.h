// The shards of one service and their threads, seen from the thread that controls them.
//
// All methods are for the control thread, which is the switchboard's last endpoint, except the
// const ones that read counters.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "dataplane/shard.h"

namespace ringgate {

struct ShardGroupOptions {
  std::string name = "shard";  // of the threads, at most 11 bytes
  std::uint32_t shards = 1;
  std::uint32_t extra_endpoints = 0;  // threads beside the shards and control, see Switchboard
  std::vector<int> cpus;              // shard i is pinned to cpus[i % size]; empty: not pinned
  std::size_t mailbox_bytes = 1 << 20;
  AcceptMode accept = AcceptMode::kNone;
  bool accept_at_start = true;  // false: clients wait in the backlog until start_accepting()
  ShardOptions shard;           // index and shards are filled in
};

class ShardGroup {
 public:
  using MakeHandler = std::function<std::unique_ptr<Handler>(std::uint32_t shard)>;

  static Result<std::unique_ptr<ShardGroup>> create(const ShardGroupOptions& options,
                                                    const MakeHandler& make_handler);
  // Stops and joins.
  ~ShardGroup();
  ShardGroup(const ShardGroup&) = delete;
  ShardGroup& operator=(const ShardGroup&) = delete;

  // Starts the threads and waits until each has its ring, or says what failed. `listeners` (none
  // when nothing is accepted) outlive this.
  [[nodiscard]] Result<void> start(std::span<Listener> listeners);
  void start_accepting();
  // Every shard ends after the mail that it has; then joins.
  void stop();

  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(shards_.size());
  }
  [[nodiscard]] const Shard& shard(std::uint32_t index) const noexcept { return *shards_[index]; }
  [[nodiscard]] Handler& handler(std::uint32_t index) const noexcept { return *handlers_[index]; }
  // Any thread.
  [[nodiscard]] std::uint64_t failed_wakeups() const noexcept {
    return switchboard_->failed_wakeups();
  }
  // Memory of messages to shards that wait for room. Any thread.
  [[nodiscard]] std::uint64_t waiting_mail_bytes() const noexcept {
    return sender_->waiting_bytes();
  }
  // For a thread that serves the shards as an extra endpoint. Valid until this is destroyed.
  [[nodiscard]] Switchboard& switchboard() noexcept { return *switchboard_; }

  // Sends a message, never dropped (see MailSender). After stop() there is nobody to take it: a
  // socket in it is closed.
  template <class Payload>
  void post(std::uint32_t shard, MailOf<Payload> kind,
            const std::type_identity_t<Payload>& payload) {
    send(shard, kind, bytes_of(payload), {});
  }
  template <class Head>
  void post(std::uint32_t shard, MailWith<Head> kind, const std::type_identity_t<Head>& head,
            ByteView more) {
    send(shard, kind, bytes_of(head), more);
  }
  void post(std::uint32_t shard, MailBytes kind, ByteView message) {
    send(shard, kind, message, {});
  }
  // Makes what was posted visible and wakes whom it concerns: once per turn of the control loop.
  // True: something still waits for room; call again soon.
  bool flush();

  // Readable when mail is there; drain() reads it. Should be called at every turn of the control
  // loop, too: a wake-up may get lost.
  [[nodiscard]] int wake_fd() const noexcept {
    return switchboard_->wake_fd(switchboard_->control());
  }
  using Use = std::function<void(std::uint32_t from, MailKind kind, ByteView message)>;
  void drain(const Use& use);
  // For who got mail of a kind that it does not know: counted.
  void note_unknown_mail(std::uint32_t from, MailKind kind) noexcept {
    unknown_mail_.note(from, kind);
  }
  // What control got. Any thread.
  [[nodiscard]] const UnknownMail& unknown_mail() const noexcept { return unknown_mail_; }

 private:
  ShardGroup() = default;
  void send(std::uint32_t shard, MailKind kind, ByteView head, ByteView more);
  // The whole of a shard's thread.
  void run_shard(std::uint32_t index, std::span<Listener> listeners,
                 std::promise<Result<void>> started);

  ShardGroupOptions options_;
  std::unique_ptr<Switchboard> switchboard_;
  std::unique_ptr<MailSender> sender_;
  std::vector<std::unique_ptr<Handler>> handlers_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
  UnknownMail unknown_mail_;
  bool ended_ = false;
};

}  // namespace ringgate
