#include "control/observe/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "control/base/unique_fd.h"
#include "tests/common/no_threads.h"

namespace ringgate {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr auto kLong = 30s;  // for what is expected to happen
constexpr auto kSoon = 50ms;

struct Pipe {
  UniqueFd read;
  UniqueFd write;

  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
  void fill(std::size_t but = 0) const {
    const int room = fcntl(write.get(), F_SETPIPE_SZ, 4096) - static_cast<int>(but);
    const std::string filling(static_cast<std::size_t>(room), '.');
    EXPECT_EQ(::write(write.get(), filling.data(), filling.size()), room);
  }
  // Until the writers are gone.
  std::string read_all() const {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::read(read.get(), buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
};

TEST(LineWriter, WritesEverythingInOrder) {
  Pipe pipe;
  std::string wanted;
  LineWriter writer(pipe.write.get());
  std::thread adder([&] {
    for (int i = 0; i < 1000; ++i) {
      const std::string line = std::string(static_cast<std::size_t>(i), 'x') + "\n";
      wanted += line;
      writer.add(line);
    }
    EXPECT_TRUE(writer.end(kLong));
    pipe.write.reset();
  });
  const std::string got = pipe.read_all();
  adder.join();
  EXPECT_EQ(got, wanted);
  EXPECT_EQ(writer.dropped(), 0U);
  EXPECT_EQ(writer.lost(), 0U);
}

TEST(LineWriter, AFullPipeHoldsUpNeitherLinesNorTheEnd) {
  const Pipe pipe;
  pipe.fill();
  LineWriter writer(pipe.write.get());
  for (int i = 0; i < 10; ++i) writer.add("a line\n");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(writer.end(kSoon));
  EXPECT_LT(std::chrono::steady_clock::now() - start, kLong);
  EXPECT_EQ(writer.lost(), 10U);
  writer.add("too late\n");
  EXPECT_EQ(writer.lost(), 11U);
}

TEST(LineWriter, WithoutAThreadWhatIsTakenAtOnceIsWritten) {
  Pipe pipe;
  {
    const NoThreads none;
    LineWriter writer(pipe.write.get());
    writer.add("a line\n");
    pipe.fill(std::string_view("a line\n").size());
    writer.add("one for which there is no room\n");
    EXPECT_EQ(writer.lost(), 1U);
    EXPECT_TRUE(writer.end(kLong));
  }
  pipe.write.reset();
  EXPECT_TRUE(pipe.read_all().starts_with("a line\n."));
}

// Its thread may come to nothing before the end, on a busy machine.
TEST(LineWriter, AnEndWithoutPatienceWritesWhatIsTakenAtOnce) {
  for (int i = 0; i < 200; ++i) {
    Pipe pipe;
    LineWriter writer(pipe.write.get());
    writer.add("why it ends\n");
    static_cast<void>(writer.end(0ms));
    std::array<char, 64> buffer;
    pollfd readable{pipe.read.get(), POLLIN, 0};
    ASSERT_EQ(poll(&readable, 1, 30'000), 1) << i;
    const ssize_t got = ::read(pipe.read.get(), buffer.data(), buffer.size());
    ASSERT_EQ(std::string_view(buffer.data(), static_cast<std::size_t>(got)), "why it ends\n");
  }
}

TEST(LineWriter, TheOldestMakeRoom) {
  Pipe pipe;
  pipe.fill();
  LineWriter writer(pipe.write.get());
  const std::string line = std::string(1023, 'x') + "\n";
  constexpr std::size_t kLines = LineWriter::kMaxQueuedBytes / 1024;
  for (std::size_t i = 0; i < kLines + 10; ++i) writer.add(line);
  writer.add("the newest\n");
  // One may have left the queue to be written.
  EXPECT_GE(writer.dropped(), 10U);
  EXPECT_LE(writer.dropped(), 11U);
  std::thread ender([&] {
    EXPECT_TRUE(writer.end(kLong));
    pipe.write.reset();
  });
  EXPECT_TRUE(pipe.read_all().ends_with(line + "the newest\n"));
  ender.join();
}

TEST(LineWriter, ALongLineIsCut) {
  Pipe pipe;
  LineWriter writer(pipe.write.get());
  writer.add(std::string(LineWriter::kMaxLineBytes, 'x') + "\n");
  EXPECT_TRUE(writer.end(kLong));
  pipe.write.reset();
  EXPECT_EQ(pipe.read_all(), std::string(LineWriter::kMaxLineBytes - 1, 'x') + "\n");
}

TEST(LineWriter, LinesThatAFullDiskDoesNotTakeAreCounted) {
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  LineWriter writer(full.get());
  writer.add("one\n");
  writer.add("two\n");
  EXPECT_TRUE(writer.end(kLong));
  EXPECT_EQ(writer.lost(), 2U);
}

TEST(LineWriter, AReaderThatIsGoneAndAClosedDescriptorLoseLinesOnly) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.read.reset();
  LineWriter broken(pipe.write.get());
  broken.add("one\n");
  EXPECT_TRUE(broken.end(kLong));
  EXPECT_EQ(broken.lost(), 1U);
  LineWriter closed(-1);
  closed.add("one\n");
  EXPECT_FALSE(closed.end(kSoon)) << "poll passes over it";
  EXPECT_EQ(closed.lost(), 1U);
}

// Whoever shares the descriptor may have made it non-blocking.
TEST(LineWriter, WaitsForANonBlockingDescriptorToo) {
  Pipe pipe;
  pipe.fill();
  ASSERT_EQ(fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK), 0);
  LineWriter writer(pipe.write.get());
  writer.add("at last\n");
  std::thread ender([&] {
    EXPECT_TRUE(writer.end(kLong));
    pipe.write.reset();
  });
  EXPECT_TRUE(pipe.read_all().ends_with(".at last\n"));
  ender.join();
  EXPECT_EQ(writer.lost(), 0U);
}

}  // namespace
}  // namespace ringgate
