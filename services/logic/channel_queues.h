// Requests of one channel, one at a time: those whose coroutine is under way, and those that wait
// behind it. A channel is known here only while one of its requests is.
//
// One per shard, on its thread; it owns the Contexts. Bounded: what is beyond is answered with 300.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/text_hash.h"
#include "services/logic/router.h"

namespace ringgate {

struct ChannelBounds {
  std::size_t waiting_per_channel = 64;
  std::size_t requests = 16 * 1024;  // under way and waiting, all channels
  std::size_t request_bytes = 64 * 1024 * 1024;
};

class ChannelQueues final : private TaskOwner {
 public:
  ChannelQueues(const Router& router, const ChannelBounds& bounds) noexcept
      : router_(router), bounds_(bounds) {}

  // Handles the request now, or after those of its channel that came before.
  void handle(Request& request);
  // Goes on with channels whose coroutine has ended. After whatever may have resumed one.
  void proceed();

  [[nodiscard]] std::size_t requests() const noexcept { return requests_; }

 private:
  struct Channel {
    std::unique_ptr<Context> running;
    std::deque<std::unique_ptr<Context>> waiting;
  };
  using Channels = std::unordered_map<std::string, Channel, TextHash, std::equal_to<>>;

  void on_task_end(Context& context) noexcept override { ended_.push_back(&context); }
  void on_task_exception(Context& context) noexcept override;
  [[nodiscard]] std::unique_ptr<Context> keep(Request& request);
  void release(std::unique_ptr<Context> context);
  void start(Channel& channel, std::unique_ptr<Context> context, const Route& route);
  void run_waiting(Channel& channel);

  const Router& router_;
  ChannelBounds bounds_;
  Channels channels_;
  std::vector<Context*> ended_;
  std::size_t requests_ = 0;
  std::size_t request_bytes_ = 0;
};

}  // namespace ringgate
