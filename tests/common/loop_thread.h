// A control loop on a thread of its own, as processes run it. The test's thread asks it to do
// things, and waits for what they return.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "control/base/loop.h"

namespace ringgate::test {

class LoopThread {
 public:
  LoopThread() : loop_(std::move(*ControlLoop::create())), thread_([this] { loop_->run(); }) {}
  ~LoopThread() { end(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  [[nodiscard]] ControlLoop& loop() { return *loop_; }

  // Runs it on the loop's thread and returns what it returned.
  template <class Function>
  auto call(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    loop_->post([&task] { task(); });
    return result.get();
  }

  // Waits until the condition, evaluated on the loop's thread, holds; false after 20 s.
  [[nodiscard]] bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!call(condition)) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  void end() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
  }

 private:
  std::unique_ptr<ControlLoop> loop_;
  std::thread thread_;
};

}  // namespace ringgate::test
