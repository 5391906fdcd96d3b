#include "control/base/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "tests/common/no_threads.h"

namespace ringgate {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr auto kDeadline = 10s;  // Only ends a test that has failed.

// The control thread of these tests: what is posted runs in run_one(), on the thread of the test.
class Inbox {
 public:
  Resolver::Post post() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      arrived_.notify_one();
    };
  }
  bool run_one() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, kDeadline, [this] { return !tasks_.empty(); })) return false;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    return true;
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return tasks_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> tasks_;
};

// A name service that answers nobody before it is opened. Lookups own what they use of it: one that
// a detached worker has just begun may run when the test, its gate and its resolver are gone.
class Gate {
 public:
  // `done` runs on the helper thread after each answer; it must outlive the last lookup.
  Resolver::Lookup lookup(std::function<void()> done = [] {}) {
    return [state = state_, done = std::move(done)](const Endpoint& endpoint) -> Resolver::Answer {
      ++state->entered;
      state->opened.wait();
      done();
      return std::vector<SocketAddress>{*numeric_address({"10.0.0.1", endpoint.port})};
    };
  }
  void open() { state_->open.set_value(); }
  int entered() const { return state_->entered; }

 private:
  struct State {
    std::atomic<int> entered = 0;
    std::promise<void> open;
    std::shared_future<void> opened = open.get_future().share();
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST(Resolver, NumericAddressesAreAnsweredAtOnce) {
  Inbox inbox;
  Resolver resolver(inbox.post());
  std::vector<std::string> found;
  for (const char* host : {"127.0.0.1", "::1", ""}) {
    resolver.resolve({host, 80}, [&](Resolver::Answer answer) {
      ASSERT_TRUE(answer);
      ASSERT_EQ(answer->size(), 1U);
      found.push_back(format_address(answer->front()));
    });
  }
  EXPECT_EQ(found, (std::vector<std::string>{"127.0.0.1:80", "[::1]:80", "[::]:80"}));
  EXPECT_TRUE(inbox.empty());
}

TEST(Resolver, NamesAreAnsweredThroughTheExecutor) {
  Inbox inbox;
  Resolver resolver(inbox.post());
  std::vector<std::string> found;
  const auto here = std::this_thread::get_id();
  resolver.resolve({"localhost", 8080}, [&](Resolver::Answer answer) {
    EXPECT_EQ(std::this_thread::get_id(), here);
    ASSERT_TRUE(answer) << answer.error().message;
    for (const SocketAddress& address : *answer) found.push_back(format_address(address));
  });
  ASSERT_TRUE(inbox.run_one());
  ASSERT_FALSE(found.empty());
  for (const std::string& text : found) {
    EXPECT_TRUE(text == "127.0.0.1:8080" || text == "[::1]:8080") << text;
  }
}

TEST(Resolver, UnknownNamesAreAnError) {
  Inbox inbox;
  Resolver resolver(inbox.post());
  std::string message;
  resolver.resolve({"no-such-host.invalid", 1}, [&](Resolver::Answer answer) {
    ASSERT_FALSE(answer);
    message = answer.error().message;
  });
  ASSERT_TRUE(inbox.run_one());
  EXPECT_NE(message.find("no-such-host.invalid"), std::string::npos) << message;
}

TEST(Resolver, WithoutAThreadANameIsAnErrorAndTheNextOneIsTriedAgain) {
  Inbox inbox;
  Resolver resolver(inbox.post(), kDeadline, [](const Endpoint& endpoint) {
    return std::vector<SocketAddress>{*numeric_address({"10.0.0.1", endpoint.port})};
  });
  std::string message;
  const auto note = [&](Resolver::Answer answer) {
    message = answer ? "found" : answer.error().message;
  };
  {
    const NoThreads none;
    resolver.resolve({"name", 1}, note);
  }
  EXPECT_NE(message.find("cannot resolve name: no thread"), std::string::npos) << message;
  EXPECT_NE(message.find("(ulimit -s)"), std::string::npos) << message;
  resolver.resolve({"name", 1}, note);
  ASSERT_TRUE(inbox.run_one());
  EXPECT_EQ(message, "found");
}

TEST(Resolver, WithoutAnotherThreadTheFirstAnswersAll) {
  Gate gate;
  Inbox inbox;
  Resolver resolver(inbox.post(), kDeadline, gate.lookup());
  int found = 0;
  const auto count = [&](const Resolver::Answer& answer) { found += answer ? 1 : 0; };
  resolver.resolve({"a", 1}, count);
  {
    const NoThreads none;
    resolver.resolve({"b", 1}, count);
  }
  gate.open();
  ASSERT_TRUE(inbox.run_one());
  ASSERT_TRUE(inbox.run_one());
  EXPECT_EQ(found, 2);
}

TEST(Resolver, ASlowNameServiceEndsInAnErrorAndOnlyOne) {
  Gate gate;
  Inbox inbox;
  Inbox finished;
  {
    Resolver resolver(inbox.post(), 20ms, gate.lookup([&] { finished.post()([] {}); }));
    int answers = 0;
    resolver.resolve({"slow", 1}, [&](Resolver::Answer answer) {
      ++answers;
      ASSERT_FALSE(answer);
      EXPECT_NE(answer.error().message.find("slow"), std::string::npos);
    });
    ASSERT_TRUE(inbox.run_one());
    EXPECT_EQ(answers, 1);
    gate.open();  // The answer comes after all, and finds nobody waiting.
    ASSERT_TRUE(finished.run_one());
  }
  EXPECT_TRUE(inbox.empty());
}

TEST(Resolver, StuckLookupsAreBoundedAndLaterNamesStillEnd) {
  Gate gate;
  Inbox inbox;
  Resolver resolver(inbox.post(), 20ms, gate.lookup());
  constexpr int kNames = 20;
  int failed = 0;
  for (int i = 0; i < kNames; ++i) {
    resolver.resolve({"name" + std::to_string(i), 1},
                     [&](const Resolver::Answer& answer) { failed += answer ? 0 : 1; });
  }
  for (int i = 0; i < kNames; ++i) ASSERT_TRUE(inbox.run_one());
  EXPECT_EQ(failed, kNames);
  EXPECT_LE(gate.entered(), static_cast<int>(Resolver::kMaxWorkers));
  gate.open();
  // Workers are free again: a new name is looked up.
  const int before = gate.entered();
  resolver.resolve({"later", 1}, [](const Resolver::Answer&) {});
  ASSERT_TRUE(inbox.run_one());
  EXPECT_GE(gate.entered(), before);
}

TEST(Resolver, AFullQueueIsAnErrorAtOnce) {
  Gate gate;
  Inbox inbox;
  Resolver resolver(inbox.post(), 10s, gate.lookup());
  bool refused = false;
  for (std::size_t i = 0; i < Resolver::kMaxQueued + Resolver::kMaxWorkers + 1 && !refused; ++i) {
    resolver.resolve({"name", 1}, [&](const Resolver::Answer& answer) { refused = !answer; });
  }
  EXPECT_TRUE(refused);
  gate.open();
}

TEST(Resolver, NothingIsPostedAfterItsEnd) {
  Gate gate;
  Inbox inbox;
  Inbox finished;
  {
    Resolver resolver(inbox.post(), 10s, gate.lookup([&] { finished.post()([] {}); }));
    resolver.resolve({"slow", 1}, [](const Resolver::Answer&) { ADD_FAILURE(); });
    while (gate.entered() == 0) std::this_thread::yield();
  }
  gate.open();
  ASSERT_TRUE(finished.run_one());
  EXPECT_TRUE(inbox.empty());
}

}  // namespace
}  // namespace ringgate
