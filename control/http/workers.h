// A few threads for what may take time or wait, with a bounded queue. run() may be called on any
// thread, start() and stop() by one at a time.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "control/base/mutex.h"

namespace ringgate::http {

class Workers {
 public:
  using Task = std::function<void()>;

  Workers(std::string name, std::size_t threads, std::size_t max_queued);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();
  // False: the queue is full, or this has stopped; the task is not run.
  [[nodiscard]] bool run(Task task);
  // Returns when the tasks that run have ended. What is queued is thrown away.
  void stop();

 private:
  void work();

  const std::string name_;
  const std::size_t thread_count_;
  const std::size_t max_queued_;
  std::vector<std::thread> threads_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace ringgate::http
