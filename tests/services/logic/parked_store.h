// A store whose answers wait until the test says so: what a slow store does to a service.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "services/logic/service.h"
#include "services/store/memory.h"

namespace ringgate {

struct ParkedStoreControl {
  std::atomic<bool> open{false};  // answers are given out, at the next tick
  std::atomic<int> asked{0};
};

class ParkedStore final : public SessionStore {
 public:
  explicit ParkedStore(ParkedStoreControl& control) : control_(control) {}

  bool submit(SessionCallBase& call) override {
    calls_.push_back(&call);
    control_.asked.fetch_add(1);
    return true;
  }
  void forget(SessionCallBase& call) override { std::erase(calls_, &call); }
  void on_tick() override {
    if (!control_.open.load()) return;
    for (SessionCallBase* const call : std::exchange(calls_, {})) {
      memory_.submit(*call);
      StoreAnswer answer = std::move(call->answer);
      call->complete(std::move(answer));
    }
  }

 private:
  ParkedStoreControl& control_;
  MemoryStore memory_;
  std::vector<SessionCallBase*> calls_;
};

// For groups of one shard.
inline MakeStore parked_store(ParkedStoreControl& control) {
  return [&control](Shard&, MessageIds& ids) -> std::unique_ptr<SessionStore> {
    ids.grant(NodeLease{});
    return std::make_unique<ParkedStore>(control);
  };
}

}  // namespace ringgate
