#include "benchmarks/ringbench/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <array>
#include <cstdlib>

namespace ringgate::bench {
namespace {

constexpr std::size_t kWide = 200;

TEST(ProgressLine, CountsWhoIsConnected) {
  const ProgressNumbers numbers{.phase = ProgressPhase::kConnecting,
                                .elapsed_s = 2.345,
                                .errors = 1,
                                .ready = 12'345,
                                .connections = 100'000};
  EXPECT_EQ(progress_line(numbers, 5262.7, kWide),
            "connecting  12,345 of 100,000  5,263 per second  2.3 s  1 error");
}

TEST(ProgressLine, TellsTimeRateAndErrors) {
  ProgressNumbers numbers{.phase = ProgressPhase::kMeasuring,
                          .elapsed_s = 3,
                          .total_s = 10,
                          .answered = 150'000,
                          .errors = 1234,
                          .ready = 64,
                          .connections = 64};
  EXPECT_EQ(progress_line(numbers, 50'000, kWide),
            "measuring  3.0 of 10.0 s  50,000 per second  64 connections  1,234 errors");
  numbers.phase = ProgressPhase::kWarmUp;
  numbers.errors = 0;
  numbers.elapsed_s = 10.4;  // late, but never more than all of it
  EXPECT_EQ(progress_line(numbers, 0.5, kWide),
            "warm-up  10.0 of 10.0 s  0.50 per second  64 connections  no errors");
  numbers.phase = ProgressPhase::kDraining;
  EXPECT_THAT(progress_line(numbers, 0, kWide), testing::StartsWith("draining"));
}

TEST(ProgressLine, FitsTheTerminal) {
  const ProgressNumbers numbers{.phase = ProgressPhase::kMeasuring, .total_s = 10};
  EXPECT_EQ(progress_line(numbers, 1, 15).size(), 15U);
  EXPECT_EQ(progress_line(numbers, 1, 0), "");
}

// A pseudo-terminal, as a person's window has one.
class Terminal {
 public:
  explicit Terminal(unsigned short columns)
      : master_(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    EXPECT_EQ(grantpt(master_), 0);
    EXPECT_EQ(unlockpt(master_), 0);
    slave_ = open(ptsname(master_), O_RDWR | O_NOCTTY);
    winsize size{};
    size.ws_col = columns;
    EXPECT_EQ(ioctl(slave_, TIOCSWINSZ, &size), 0);
  }
  ~Terminal() {
    close(slave_);
    close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] int fd() const { return slave_; }
  [[nodiscard]] std::string written() const {
    std::array<char, 4096> buffer;
    const ssize_t bytes = read(master_, buffer.data(), buffer.size());
    return {buffer.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
  }

 private:
  int master_;
  int slave_ = -1;
};

TEST(Progress, WritesALineAndErasesIt) {
  setenv("TERM", "xterm", 1);
  const Terminal terminal(30);
  {
    Progress progress(terminal.fd());
    progress.show({.phase = ProgressPhase::kMeasuring, .total_s = 10});
    EXPECT_EQ(terminal.written(), "\rmeasuring  0.0 of 10.0 s  0.0\x1b[K");
    progress.show({.phase = ProgressPhase::kMeasuring, .total_s = 10});
    EXPECT_EQ(terminal.written(), "");  // not yet time for another
  }
  EXPECT_EQ(terminal.written(), "\r\x1b[K");
}

TEST(Progress, IsSilentWhereNobodyLooks) {
  std::array<int, 2> pipe_fds{};
  ASSERT_EQ(pipe2(pipe_fds.data(), O_NONBLOCK), 0);
  {
    Progress progress(pipe_fds[1]);
    progress.show({.total_s = 10});
    progress.erase();
  }
  char byte = 0;
  EXPECT_EQ(read(pipe_fds[0], &byte, 1), -1);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST(Progress, IsSilentOnATerminalThatCannotRewrite) {
  setenv("TERM", "dumb", 1);
  const Terminal terminal(80);
  {
    Progress progress(terminal.fd());
    progress.show({.total_s = 10});
  }
  EXPECT_EQ(terminal.written(), "");
  unsetenv("TERM");
}

}  // namespace
}  // namespace ringgate::bench
