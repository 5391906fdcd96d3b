// Sessions in this process, for development and tests: gone when it ends, kept until sign-out.
//
// For a group of one shard, on whose thread everything happens; a call is answered at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "services/store/calls/metrics.h"
#include "services/store/factory.h"

namespace ringgate {

class MemorySessions {
 public:
  explicit MemorySessions(std::string default_app = "kim",
                          std::uint32_t boot_ms = kBootLeaseMs) noexcept
      : default_app_(std::move(default_app)), boot_ms_(boot_ms) {}
  MemorySessions(const MemorySessions&) = delete;
  MemorySessions& operator=(const MemorySessions&) = delete;

  // The one shard's; this outlives it. Message ids are those of the first node.
  [[nodiscard]] std::unique_ptr<SessionStore> of_shard(Shard& shard, MessageIds& ids);
  // Any thread.
  [[nodiscard]] const StoreCallMetrics& calls() const noexcept { return metrics_; }

 private:
  void answer(StoreJobOf<AddSession>& job);
  void answer(StoreJobOf<RemoveSession>& job);
  void answer(StoreJobOf<GetSession>& job);
  void answer(StoreJobOf<LocateAccount>& job);
  void answer(StoreJobOf<LocateAccounts>& job);
  void answer(StoreJobOf<CallRoll>& job);
  [[nodiscard]] std::string place_of(const std::string& account, const std::string& app) const;
  // Nothing if there is none, or it is of a boot that has ended.
  [[nodiscard]] std::optional<Location> location_at(const std::string& place) const;

  const std::string default_app_;
  const std::uint64_t boot_ms_;
  StoreCallMetrics metrics_{"session", SessionCalls::kNames, 1};
  std::unordered_map<std::string, std::uint64_t> boots_;    // by boot_key: until when it lives
  std::unordered_map<std::string, pkt::Session> sessions_;  // by channel id
  std::unordered_map<std::string, Location> locations_;     // by location_key
};

// The same, kept by what it returns: where nobody asks for its metrics.
[[nodiscard]] MakeSessions memory_sessions(std::string default_app = "kim",
                                           std::uint32_t boot_ms = kBootLeaseMs);

}  // namespace ringgate
