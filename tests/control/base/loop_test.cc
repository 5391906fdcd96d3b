#include "control/base/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>

#include "tests/common/loop_thread.h"

namespace ringgate {
namespace {

using test::LoopThread;
using namespace std::chrono_literals;

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    out = UniqueFd(ends[0]);
    in = UniqueFd(ends[1]);
  }
  void write_byte() const { EXPECT_EQ(::write(in.get(), "x", 1), 1); }
  void read_byte() const {
    char byte = 0;
    EXPECT_EQ(::read(out.get(), &byte, 1), 1);
  }
  UniqueFd out;
  UniqueFd in;
};

std::unique_ptr<ControlLoop> make_loop() {
  return std::move(*ControlLoop::create());
}

// --- Timers -------------------------------------------------------------------------------------

TEST(ControlLoop, TimersRunInTheOrderOfTheirTimes) {
  const auto loop = make_loop();
  std::vector<int> order;
  loop->after(30ms, [&] { order.push_back(3); });
  loop->after(10ms, [&] { order.push_back(1); });
  loop->after(20ms, [&] { order.push_back(2); });
  loop->after(40ms, [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(ControlLoop, TimersOfOneMomentRunInTheOrderTheyWereMade) {
  const auto loop = make_loop();
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) loop->after(0ms, [&order, i] { order.push_back(i); });
  loop->after(5ms, [&] { loop->stop(); });
  loop->run();
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(ControlLoop, ATimerIsNotEarly) {
  const auto loop = make_loop();
  const auto begin = std::chrono::steady_clock::now();
  loop->after(20ms, [&] { loop->stop(); });
  loop->run();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

TEST(ControlLoop, ACancelledTimerNeverRuns) {
  const auto loop = make_loop();
  const auto cancelled = loop->after(1ms, [] { ADD_FAILURE() << "it was cancelled"; });
  EXPECT_NE(cancelled, 0u);
  loop->cancel(cancelled);
  loop->cancel(cancelled);  // no error
  loop->cancel(0);
  loop->after(10ms, [&] { loop->stop(); });
  loop->run();
}

TEST(ControlLoop, ATimerCancelsAnotherThatIsDueToo) {
  const auto loop = make_loop();
  ControlLoop::TimerId other = 0;
  loop->after(0ms, [&] { loop->cancel(other); });
  other = loop->after(0ms, [] { ADD_FAILURE() << "it was cancelled"; });
  // Both are due in the first turn.
  std::this_thread::sleep_for(2ms);
  loop->after(1ms, [&] { loop->stop(); });
  loop->run();
}

TEST(ControlLoop, ATimerMayCancelItselfAndStartItselfAgain) {
  const auto loop = make_loop();
  int runs = 0;
  ControlLoop::TimerId self = 0;
  std::function<void()> again = [&] {
    loop->cancel(self);
    if (++runs == 5) return loop->stop();
    self = loop->after(0ms, again);
  };
  self = loop->after(0ms, again);
  loop->run();
  EXPECT_EQ(runs, 5);
}

// --- Watches ------------------------------------------------------------------------------------

TEST(ControlLoop, AReadableDescriptorCallsUntilItIsRead) {
  const auto loop = make_loop();
  const Pipe pipe;
  int calls = 0;
  loop->watch(pipe.out.get(), ControlLoop::Until::kReadable, [&] {
    if (++calls < 3) return;  // level-triggered: what is not read calls again
    pipe.read_byte();
    loop->after(5ms, [&] { loop->stop(); });
  });
  pipe.write_byte();
  loop->run();
  EXPECT_EQ(calls, 3);
}

TEST(ControlLoop, AWritableDescriptorAndAnEndCallToo) {
  const auto loop = make_loop();
  Pipe writable;
  Pipe ended;
  int calls = 0;
  loop->watch(writable.in.get(), ControlLoop::Until::kWritable, [&] {
    loop->unwatch(writable.in.get());  // itself
    if (++calls == 2) loop->stop();
  });
  loop->watch(ended.out.get(), ControlLoop::Until::kReadable, [&] {
    loop->unwatch(ended.out.get());
    if (++calls == 2) loop->stop();
  });
  ended.in.reset();
  loop->run();
  EXPECT_EQ(calls, 2);
}

TEST(ControlLoop, AWatchThatUnwatchesItselfKeepsWhatItHoldsUntilItReturns) {
  const auto loop = make_loop();
  const Pipe pipe;
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> alive = held;
  int seen = 0;
  loop->watch(pipe.out.get(), ControlLoop::Until::kReadable, [&, held = std::move(held)] {
    loop->unwatch(pipe.out.get());
    seen = *held;
    loop->stop();
  });
  pipe.write_byte();
  loop->run();
  EXPECT_EQ(seen, 7);
  EXPECT_TRUE(alive.expired());
}

// Two are ready in one turn, and the first to be called ends the other.
TEST(ControlLoop, AWatchEndsAnotherThatIsReadyToo) {
  const auto loop = make_loop();
  const Pipe one;
  const Pipe other;
  int calls = 0;
  for (const auto& [mine, its] : {std::pair(&one, &other), std::pair(&other, &one)}) {
    loop->watch(mine->out.get(), ControlLoop::Until::kReadable, [&, mine = mine, its = its] {
      ++calls;
      loop->unwatch(mine->out.get());
      loop->unwatch(its->out.get());
      loop->after(5ms, [&] { loop->stop(); });
    });
    mine->write_byte();
  }
  loop->run();
  EXPECT_EQ(calls, 1);
}

// The number of a descriptor that was closed in this turn may be somebody else's at once.
TEST(ControlLoop, AnEventIsNotTakenForThatOfALaterWatchOfTheSameNumber) {
  const auto loop = make_loop();
  Pipe pipes[2];
  std::optional<Pipe> quiet;
  int calls = 0;
  for (int i = 0; i < 2; ++i) {
    loop->watch(pipes[i].out.get(), ControlLoop::Until::kReadable, [&, i] {
      ++calls;
      loop->unwatch(pipes[i].out.get());
      UniqueFd& other = pipes[1 - i].out;
      const int number = other.get();
      loop->unwatch(number);
      other.reset();
      quiet.emplace();
      if (quiet->out.get() != number) {
        ASSERT_EQ(dup2(quiet->out.get(), number), number);
      }
      const int watched = number;
      loop->watch(watched, ControlLoop::Until::kReadable,
                  [] { ADD_FAILURE() << "nothing was written to it"; });
      loop->after(5ms, [&, watched] {
        loop->unwatch(watched);
        loop->stop();
      });
    });
    pipes[i].write_byte();
  }
  loop->run();
  EXPECT_EQ(calls, 1);
}

TEST(ControlLoop, WatchingAgainReplacesTheCallback) {
  const auto loop = make_loop();
  const Pipe pipe;
  loop->watch(pipe.out.get(), ControlLoop::Until::kReadable,
              [] { ADD_FAILURE() << "the old one"; });
  loop->watch(pipe.out.get(), ControlLoop::Until::kReadable, [&] { loop->stop(); });
  loop->unwatch(pipe.in.get());  // was never watched: no error
  pipe.write_byte();
  loop->run();
}

// --- Other threads ------------------------------------------------------------------------------

TEST(ControlLoop, WhatManyThreadsPostRunsOnceAndInEachThreadsOrder) {
  constexpr int kThreads = 8;
  constexpr int kEach = 2000;
  const auto loop = make_loop();
  std::vector<std::vector<int>> ran(kThreads);  // the loop's thread alone
  const auto loop_thread = std::this_thread::get_id();
  std::atomic<int> ended = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        loop->post([&, t, i] {
          EXPECT_EQ(std::this_thread::get_id(), loop_thread);
          ran[static_cast<std::size_t>(t)].push_back(i);
        });
      }
      if (++ended == kThreads) loop->stop();
    });
  }
  loop->run();
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& one : ran) {
    ASSERT_EQ(one.size(), static_cast<std::size_t>(kEach));
    EXPECT_TRUE(std::ranges::is_sorted(one));
    EXPECT_EQ(std::set<int>(one.begin(), one.end()).size(), one.size());
  }
}

TEST(ControlLoop, APostedFunctionMayPost) {
  const auto loop = make_loop();
  int runs = 0;
  std::function<void()> again = [&] {
    if (++runs == 100) return loop->stop();
    loop->post(again);
  };
  loop->post(again);
  loop->run();
  EXPECT_EQ(runs, 100);
}

TEST(ControlLoop, StopFromAnotherThreadEndsALoopThatSleeps) {
  LoopThread thread;
  thread.call([] {});
  thread.end();
}

TEST(ControlLoop, StopBeforeRunIsNotLost) {
  const auto loop = make_loop();
  loop->stop();
  loop->run();
}

// --- A stall ---------------------------------------------------------------------------------

TEST(ControlLoop, AfterAStallWhatHasArrivedComesBeforeTimers) {
  const auto loop = make_loop();
  const Pipe pipe;
  std::vector<std::string> log;
  loop->watch(pipe.out.get(), ControlLoop::Until::kReadable, [&] {
    pipe.read_byte();
    log.emplace_back("answer");
  });
  loop->after(500ms, [&] {
    log.emplace_back("timeout");
    loop->stop();
  });
  loop->post([&] {
    std::this_thread::sleep_for(1500ms);  // nothing of this loop runs, whatever the reason
    pipe.write_byte();
  });
  loop->run();
  EXPECT_EQ(log, (std::vector<std::string>{"answer", "timeout"}));
}

// --- The end of a turn --------------------------------------------------------------------------

TEST(ControlLoop, TheEndOfATurnSeesWhatTheTurnDid) {
  const auto loop = make_loop();
  const Pipe pipe;
  std::vector<std::string> log;
  loop->at_turn_end([&] {
    if (!log.empty() && log.back() != "flush") log.emplace_back("flush");
    return false;
  });
  loop->post([&] {
    log.emplace_back("posted");
    loop->after(5ms, [&] {
      log.emplace_back("timer");
      pipe.write_byte();
    });
  });
  loop->watch(pipe.out.get(), ControlLoop::Until::kReadable, [&] {
    pipe.read_byte();
    log.emplace_back("ready");
    loop->stop();
  });
  loop->run();
  EXPECT_EQ(log, (std::vector<std::string>{"posted", "flush", "timer", "flush", "ready", "flush"}));
}

TEST(ControlLoop, AFlushThatIsNotDoneIsCalledAgainWithoutAnythingElseHappening) {
  const auto loop = make_loop();
  int first = 0;
  int second = 0;
  loop->at_turn_end([&] {
    if (++first == 50) loop->stop();
    return first < 50;
  });
  loop->at_turn_end([&] {  // is called too, also when an earlier one is not done
    ++second;
    return false;
  });
  loop->after(0ms, [] {});
  const auto begin = std::chrono::steady_clock::now();
  loop->run();
  EXPECT_EQ(first, second);
  EXPECT_GE(first, 50);
  // A loop that waited as long as it may for each would have taken 5.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

}  // namespace
}  // namespace ringgate
