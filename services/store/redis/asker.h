// Asks the store's servers, and says what is believed of an answer: what all parts of RedisSessions
// have in common. Where no server takes a command, or the connection breaks, the answer is null.
//
// Owned by RedisSessions, on its thread; the parts hold a reference.
#pragma once

#include <hiredis/hiredis.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/store/calls/thread.h"
#include "services/store/redis/options.h"
#include "services/store/redis/servers/topology.h"

namespace ringgate {

class RedisAsker {
 public:
  using Value = std::optional<std::string>;  // of a key; nothing: there is none

  // Both outlive it.
  RedisAsker(StoreThread& thread, const RedisStoreOptions& options)
      : thread_(thread), options_(options) {}

  // Null: whatever is in flight is told that there is no answer, and nothing is sent any more.
  void use(std::unique_ptr<RedisServers> servers) { servers_ = std::move(servers); }
  // Null while they are going away.
  [[nodiscard]] RedisServers* servers() noexcept { return servers_.get(); }
  [[nodiscard]] const RedisServers* servers() const noexcept { return servers_.get(); }

  // Where it cannot be sent, `on_reply` is called within this.
  void send(const RedisCommand& command, const RedisConnection::OnReply& on_reply);
  // A key that is in use lives on. Its answer is nobody's concern.
  void renew(const std::string& key);

  // What an answer has to be; anything else is no answer, counts as a trouble and is looked into.
  [[nodiscard]] StoreResult<void> done_of(const redisReply* reply);
  [[nodiscard]] StoreResult<Value> value_of(const redisReply* reply);
  [[nodiscard]] StoreResult<std::vector<Value>> values_of(const redisReply* reply,
                                                          std::size_t count);
  // Whether it works is looked at now, and not when it is time.
  void probe_soon();

  template <class Request>
  void finish(StoreJobOf<Request>& job, StoreResult<typename Request::Answer> answer) {
    job.answer = std::move(answer);
    thread_.answer(job);
  }
  [[nodiscard]] std::string place_of(std::string_view account, std::string_view app) const;
  // The last ms of CLOCK_MONOTONIC at which what is asked now may happen.
  [[nodiscard]] std::uint64_t deadline_ms() const;

  static constexpr std::uint64_t kSoonestMs = 100;  // between two probes, however much fails

 private:
  [[nodiscard]] std::unexpected<StoreError> no_answer(const redisReply* reply);

  StoreThread& thread_;
  const RedisStoreOptions& options_;
  std::unique_ptr<RedisServers> servers_;
};

}  // namespace ringgate
