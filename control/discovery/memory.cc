#include "control/discovery/memory.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "control/discovery/json.h"
#include "dataplane/shortage.h"

namespace ringgate {

std::vector<Instance> MemoryDirectory::find(std::string_view name) const {
  const MutexLock lock(mutex_);
  std::vector<Instance> found;
  for (const auto& [id, service] : services_) {
    if (service.name == name) found.push_back(service);
  }
  return found;
}

void MemoryDirectory::put(const Instance& service) {
  const MutexLock lock(mutex_);
  services_.insert_or_assign(service.id, service);
  wake_all();
}

void MemoryDirectory::remove(std::string_view id) {
  const MutexLock lock(mutex_);
  const auto at = services_.find(id);
  if (at == services_.end()) return;
  services_.erase(at);
  wake_all();
}

void MemoryDirectory::notify(int event_fd) {
  const MutexLock lock(mutex_);
  event_fds_.insert(event_fd);
}

void MemoryDirectory::forget(int event_fd) {
  const MutexLock lock(mutex_);
  event_fds_.erase(event_fd);
}

void MemoryDirectory::wake_all() const {
  for (const int fd : event_fds_) {
    // It can only fail with EAGAIN, when the counter is full: then it is readable anyway.
    [[maybe_unused]] const int ignored = eventfd_write(fd, 1);
  }
}

Result<std::unique_ptr<MemoryRegistry>> MemoryRegistry::open(
    std::shared_ptr<MemoryDirectory> directory) {
  const int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_fd < 0) {
    return run_error("no registry in memory: {}", why_no_descriptor(errno));
  }
  return std::unique_ptr<MemoryRegistry>(new MemoryRegistry(std::move(directory), event_fd));
}

MemoryRegistry::MemoryRegistry(std::shared_ptr<MemoryDirectory> directory, int event_fd)
    : directory_(std::move(directory)), event_fd_(event_fd) {
  directory_->notify(event_fd_);
}

MemoryRegistry::~MemoryRegistry() {
  directory_->forget(event_fd_);
  close(event_fd_);
}

Result<std::vector<Instance>> MemoryRegistry::find(std::string_view name) {
  return directory_->find(name);
}

Result<void> MemoryRegistry::subscribe(std::string_view name, Watcher watcher) {
  // A change after this find() has made event_fd_ readable, so on_ready() will see it.
  subscriptions_.add(name, std::move(watcher), directory_->find(name));
  return {};
}

void MemoryRegistry::unsubscribe(std::string_view name) {
  subscriptions_.remove(name);
}

Result<void> MemoryRegistry::register_service(const Instance& service) {
  if (auto checked = check_service(service); !checked) return checked;
  directory_->put(service);
  return {};
}

Result<void> MemoryRegistry::deregister(std::string_view id) {
  directory_->remove(id);
  return {};
}

void MemoryRegistry::on_ready() {
  eventfd_t changes = 0;
  [[maybe_unused]] const int ignored = eventfd_read(event_fd_, &changes);  // Before looking.
  subscriptions_.tell_changes([this](const std::string& name) { return directory_->find(name); });
}

}  // namespace ringgate
