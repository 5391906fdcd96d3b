// The registry of one process: for running every component together and for tests. A
// MemoryDirectory is shared by the components and may be called from any thread; each component has
// a MemoryRegistry of its own on it, which belongs to one control thread like every Registry.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "control/base/mutex.h"
#include "control/discovery/registry.h"
#include "control/discovery/subscriptions.h"

namespace ringgate {

class MemoryDirectory {
 public:
  std::vector<Instance> find(std::string_view name) const;
  void put(const Instance& service);
  void remove(std::string_view id);

  // Makes an eventfd readable at every change, until forget() has returned. The caller owns it.
  void notify(int event_fd);
  void forget(int event_fd);

 private:
  void wake_all() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Instance, std::less<>> services_ ABSL_GUARDED_BY(mutex_);  // By id.
  std::set<int> event_fds_ ABSL_GUARDED_BY(mutex_);
};

class MemoryRegistry final : public Registry {
 public:
  static Result<std::unique_ptr<MemoryRegistry>> open(std::shared_ptr<MemoryDirectory> directory);
  ~MemoryRegistry() override;

  Result<std::vector<Instance>> find(std::string_view name) override;
  Result<void> subscribe(std::string_view name, Watcher watcher) override;
  void unsubscribe(std::string_view name) override;
  Result<void> register_service(const Instance& service) override;
  Result<void> deregister(std::string_view id) override;
  int fd() const override { return event_fd_; }
  void on_ready() override;
  std::optional<Error> problem() const override { return std::nullopt; }

 private:
  MemoryRegistry(std::shared_ptr<MemoryDirectory> directory, int event_fd);

  std::shared_ptr<MemoryDirectory> directory_;
  int event_fd_;
  Subscriptions subscriptions_;
};

}  // namespace ringgate
