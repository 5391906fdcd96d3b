// A store whose answers wait until the test says so: what a slow store does to a service.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "services/store/calls/thread.h"
#include "services/store/factory.h"

namespace ringgate {

struct ParkedStoreControl {
  std::atomic<bool> open{false};  // answers are given out, at the next turn of the store
  std::atomic<int> asked{0};
};

// Nobody is logged in.
class ParkedBackend final : public StoreBackend {
 public:
  ParkedBackend(StoreThread& thread, ParkedStoreControl& control)
      : thread_(thread), control_(control) {}

  void take(StoreJob& job) override {
    control_.asked.fetch_add(1);
    SessionCalls::visit(job, [](auto& typed) { typed.answer = {}; });
    jobs_.push_back(&job);
  }
  void undo(StoreJob& job) override { thread_.answer(job); }
  void on_turn_end() override {
    if (!control_.open.load()) return;
    for (StoreJob* const job : std::exchange(jobs_, {})) thread_.answer(*job);
  }

 private:
  StoreThread& thread_;
  ParkedStoreControl& control_;
  std::vector<StoreJob*> jobs_;
};

// Of a group of one shard, on its first extra endpoint. It waits for as long as a test may take.
inline StoreThread parked_store(ParkedStoreControl& control) {
  StoreThreadOptions options;
  options.store = "session";
  options.address = "parked";
  options.calls = SessionCalls::kNames;
  options.client.timeout_ms = 600'000;
  return {options, [&control](StoreThread& thread) {
            return std::make_unique<ParkedBackend>(thread, control);
          }};
}

}  // namespace ringgate
