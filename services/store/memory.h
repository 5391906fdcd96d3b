// Sessions in this process, for development and tests: gone when it ends, kept until sign-out.
//
// For a group of one shard, on whose thread everything happens; a call is answered at once.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "services/store/factory.h"

namespace ringgate {

class MemoryStore final : public SessionStore {
 public:
  explicit MemoryStore(std::string default_app = "kim",
                       std::uint32_t boot_ms = kBootLeaseMs) noexcept
      : default_app_(std::move(default_app)), boot_ms_(boot_ms) {}

  bool submit(SessionCallBase& call) override;
  void forget(SessionCallBase&) override {}

 private:
  using Values = std::unordered_map<std::string, std::string>;

  [[nodiscard]] static std::optional<std::string> find(const Values& values,
                                                       const std::string& key);
  [[nodiscard]] std::string place_of(const std::string& account, const StoreRequest& request) const;
  void add(const StoreRequest& request, StoreAnswer& answer);
  void remove(const StoreRequest& request);
  void call_roll(const StoreRequest& request, StoreAnswer& answer);
  // Nothing if there is none, or it is of a boot that has ended.
  [[nodiscard]] std::optional<std::string> location_at(const std::string& place) const;

  std::string default_app_;
  std::uint64_t boot_ms_;
  std::unordered_map<std::string, std::uint64_t> boots_;  // by boot_key: until when it lives
  Values sessions_;                                       // by channel id
  Values locations_;                                      // by location_key
};

// For a group of one shard. Message ids are those of node 0.
[[nodiscard]] MakeStore memory_store(std::string default_app = "kim",
                                     std::uint32_t boot_ms = kBootLeaseMs);

}  // namespace ringgate
