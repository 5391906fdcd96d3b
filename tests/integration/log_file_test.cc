// The log as a file: reopened, put away, or full.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "control/base/unique_fd.h"
#include "tests/integration/command_run.h"
#include "tests/integration/log_bench.h"

namespace ringgate::test {
namespace {

// As logrotate does it: rename, signal, and the old file is nobody's any more.
TEST(Log, IsReopenedBySighupAfterARename) {
  LogBench bench;
  const LogFile old(bench.world, "ringgate.log.1");
  bench.file.wait_for("link_up");
  std::filesystem::rename(bench.file.path(), old.path());
  be_refused(bench.gateway);
  old.wait_for("login_refused");  // it is written on until the signal
  EXPECT_FALSE(std::filesystem::exists(bench.file.path()));
  bench.gateway.process().signal(SIGHUP);
  bench.file.wait_for("log_reopened");
  const std::string before = old.text();
  bench.file.wait_for("reloaded");
  Client bob = bench.log_in("bob");
  bench.ask("POST", "/kick?account=bob");
  bench.file.wait_for("admin_action");
  EXPECT_EQ(old.text(), before);
}

// Under way, too: each line is in one of the files, and whole.
TEST(Log, NothingIsLostByARotation) {
  constexpr std::size_t kRefused = 120;
  constexpr std::size_t kRotations = 4;
  LogBench bench{{{"LogEventsPerSecond", "1000000"}}};
  std::vector<LogFile> files;
  for (std::size_t i = 0; i < kRefused; ++i) {
    if (i % (kRefused / kRotations) == 10) {
      files.emplace_back(bench.world, "ringgate.log." + std::to_string(i));
      std::filesystem::rename(bench.file.path(), files.back().path());
      bench.gateway.process().signal(SIGHUP);
    }
    be_refused(bench.gateway);
    // The next rotation is of a file that is there.
    if (i % (kRefused / kRotations) == 20) bench.file.wait_for("log_reopened");
  }
  ASSERT_EQ(files.size(), kRotations);
  files.push_back(bench.file);
  wait_until("every refused login", [&] {
    std::size_t told = 0;
    for (const LogFile& file : files) {
      for (const LogLine& line : file.lines())
        told += line.at("event") == "login_refused" ? 1U : 0U;
    }
    return told == kRefused;
  });
}

// Who reads it may stop: clients are served, and what was not taken is counted.
TEST(Log, AFileThatTakesNothingHoldsNobodyUp) {
  const World world;
  const std::string pipe = (world.folder().path() / "log").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(reader);
  ASSERT_GT(fcntl(reader.get(), F_SETPIPE_SZ, 4096), 0);
  RawService login(world, "login01", "login");
  Server gateway(world, "gateway", "g1",
                 {{"LogFile", pipe}, {"LogLevel", "debug"}, {"LogDebugPerSecond", "1000000"}});
  Link link = login.accept();
  Client alice = log_in(gateway, link, "alice");
  // More than the pipe and the queue before it take.
  wait_until("lines that are lost", [&] {
    for (int i = 0; i < 200; ++i) {
      alice.send(packet(header("nothing.known." + std::string(500, 'x'), 2)));
      EXPECT_EQ(alice.next().kind, Event::Kind::kLogic);
    }
    alice.send(ping());
    EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
    return gateway.metric("ringgate_log_lines_dropped_total") > 0;
  });
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait_exit(), 0);
}

TEST(Log, AFileThatCannotBeOpenedAnewIsToldAndTheOldOneIsWrittenOn) {
  LogBench bench;
  bench.file.wait_for("link_up");
  const LogFile old(bench.world, "ringgate.log.1");
  std::filesystem::rename(bench.file.path(), old.path());
  std::filesystem::create_directory(bench.file.path());
  bench.gateway.process().signal(SIGHUP);
  const LogLine line = old.wait_for("log_not_reopened");
  EXPECT_EQ(line.at("level"), "error");
  old.wait_for("reloaded");
}

TEST(Log, AFileThatCannotBeMadeEndsTheStart) {
  expect_refused({"", "gateway", {{"LogFile", "/nowhere/ringgate.log"}}, {"LogFile", "/nowhere"}});
  expect_refused({"", "echo", {{"LogFormat", "xml"}}, {"LogFormat", "text or json"}});
}

}  // namespace
}  // namespace ringgate::test
