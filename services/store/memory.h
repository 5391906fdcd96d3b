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
  explicit MemoryStore(std::string default_app = "kim") : default_app_(std::move(default_app)) {}

  bool submit(SessionCallBase& call) override;
  void forget(SessionCallBase&) override {}

 private:
  using Values = std::unordered_map<std::string, std::string>;

  [[nodiscard]] static std::optional<std::string> find(const Values& values,
                                                       const std::string& key);
  [[nodiscard]] std::string place_of(const std::string& account, const StoreRequest& request) const;
  void add(const StoreRequest& request, StoreAnswer& answer);
  void remove(const StoreRequest& request);

  std::string default_app_;
  Values sessions_;   // by channel id
  Values locations_;  // by location_key
};

// For a group of one shard. Message ids are those of node 0.
[[nodiscard]] MakeStore memory_store();

}  // namespace ringgate
