#include "control/base/termination.h"

#include <gtest/gtest.h>

#include <csignal>
#include <new>
#include <stdexcept>
#include <thread>

namespace ringgate {
namespace {

void ask_for_too_much() {
  throw std::bad_array_new_length();
}

TEST(TerminationDeathTest, ForWantOfMemoryOnAnyThreadIsASentence) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        end_with_a_sentence_without_memory("program");
        std::thread([] { throw std::bad_alloc(); }).join();
      },
      testing::ExitedWithCode(1), "^program: out of memory, raise .*ulimit -v");
  EXPECT_EXIT(
      {
        end_with_a_sentence_without_memory("program");
        []() noexcept { ask_for_too_much(); }();
      },
      testing::ExitedWithCode(1), "^program: out of memory");
}

TEST(TerminationDeathTest, OfABugStaysAnAbort) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        end_with_a_sentence_without_memory("program");
        std::thread([] { throw std::runtime_error("a bug"); }).join();
      },
      testing::KilledBySignal(SIGABRT), "a bug");
}

}  // namespace
}  // namespace ringgate
