#include "control/http/workers.h"

#include <utility>

#include "control/base/thread.h"

namespace ringgate::http {

Workers::Workers(std::string name, std::size_t threads, std::size_t max_queued)
    : name_(std::move(name)), thread_count_(threads), max_queued_(max_queued) {}

Workers::~Workers() {
  stop();
}

void Workers::start() {
  while (threads_.size() < thread_count_) {
    threads_.push_back(start_thread(name_, [this] { work(); }));
  }
}

bool Workers::run(Task task) {
  {
    const MutexLock lock(mutex_);
    if (stopped_ || queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

void Workers::stop() {
  std::deque<Task> dropped;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::work() {
  MutexLock lock(mutex_);
  for (;;) {
    while (!stopped_ && queue_.empty()) changed_.wait(lock);
    if (stopped_) return;
    const Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace ringgate::http
