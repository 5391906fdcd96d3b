// What a service manager is told, at a socket as systemd has one.
#include "services/process/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "control/base/unique_fd.h"
#include "services/process/shards.h"
#include "tests/common/loop_thread.h"
#include "tests/common/made_socket.h"
#include "tests/common/quiet_handler.h"
#include "tests/common/temp_dir.h"
#include "tests/dataplane/loopback.h"

namespace ringgate {
namespace {

using std::chrono::microseconds;
using testing::HasSubstr;
using testing::StartsWith;

// The manager's end.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& name) : fd_(test::made_socket(AF_UNIX, SOCK_DGRAM)) {
    const timeval patience{20, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), bytes), 0);
  }
  // The next message; nothing after 20 s, or at once if it is not to wait.
  [[nodiscard]] std::string next(bool wait = true) const {
    std::array<char, 8192> text{};
    const ssize_t bytes = recv(fd_.get(), text.data(), text.size(), wait ? 0 : MSG_DONTWAIT);
    return bytes < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(bytes));
  }
  // The next one with `text` in it, and not one of those before.
  [[nodiscard]] std::string next_with(std::string_view text) const {
    for (;;) {
      std::string message = next();
      if (message.empty() || message.find(text) != std::string::npos) return message;
    }
  }
  // What has come is forgotten.
  void forget() const {
    while (!next(false).empty()) {
    }
  }

 private:
  UniqueFd fd_;
};

struct State {
  std::atomic<bool> serving = true;
  std::atomic<bool> healthy = true;

  [[nodiscard]] ServiceManager::Probes probes() {
    return {[this] { return serving.load(); },
            [this] { return healthy ? std::optional<std::string>() : "a shard"; },
            [] { return std::string("3 connections,\nready"); }};
  }
};

class ServiceManagerTest : public testing::Test {
 protected:
  ServiceManagerTest() : path_((folder_.path() / "notify").string()) {}

  void start(const std::string& socket, ServiceManager::Probes probes,
             microseconds watchdog = microseconds(0)) {
    loop_.call([&] {
      manager_ = &managers_.emplace_back(
          loop_.loop(), ManagerEnvironment{.socket = socket, .watchdog = watchdog});
      manager_->start(std::move(probes));
      return true;
    });
  }
  void TearDown() override { loop_.end(); }

  const test::TempDir folder_;
  const std::string path_;
  State state_;
  std::deque<ServiceManager> managers_;
  ServiceManager* manager_ = nullptr;  // the last of them
  test::LoopThread loop_;
};

TEST_F(ServiceManagerTest, IsToldOnceThatTheProcessServes) {
  const NotifySocket socket(path_);
  state_.serving = false;
  start(path_, state_.probes());
  EXPECT_EQ(socket.next(), "STATUS=3 connections, ready\n");
  state_.serving = true;
  EXPECT_THAT(socket.next(), StartsWith("READY=1\n"));
}

TEST_F(ServiceManagerTest, IsNotToldWhileAShardDoesNotTurn) {
  const NotifySocket socket(path_);
  state_.healthy = false;
  start(path_, state_.probes());
  EXPECT_EQ(socket.next(), "STATUS=3 connections, ready\n");
  state_.healthy = true;
  EXPECT_EQ(socket.next(), "READY=1\n");
}

TEST_F(ServiceManagerTest, HearsAtAnAbstractSocketToo) {
  const std::string name = "@ringgate-test-" + std::to_string(getpid());
  const NotifySocket socket(name);
  start(name, state_.probes());
  EXPECT_EQ(socket.next(), "READY=1\nSTATUS=3 connections, ready\n");
}

TEST_F(ServiceManagerTest, GetsLaterWhatItCouldNotTakeInTime) {
  const NotifySocket socket(path_);
  UniqueFd other(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  while (sendto(other.get(), "noise", 5, 0, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) == 5) {
  }
  start(path_, state_.probes());
  EXPECT_THAT(socket.next_with("READY"), StartsWith("READY=1\n"));
}

TEST_F(ServiceManagerTest, AReloadBeginsAndEndsWhateverBecomesOfIt) {
  const NotifySocket socket(path_);
  start(path_, state_.probes());
  EXPECT_THAT(socket.next(), StartsWith("READY=1\n"));
  for (const bool good : {true, false}) {
    loop_.call([&] {
      manager_->reloading();
      manager_->reloaded(good);
      return true;
    });
    EXPECT_THAT(socket.next_with("RELOADING=1\n"), HasSubstr("\nMONOTONIC_USEC="));
    const std::string after = socket.next();
    EXPECT_THAT(after, StartsWith("READY=1\n"));
    EXPECT_EQ(after.find("reload was refused") == std::string::npos, good) << after;
  }
}

TEST_F(ServiceManagerTest, IsToldHowLongAStopMayTake) {
  const NotifySocket socket(path_);
  start(path_, state_.probes());
  EXPECT_THAT(socket.next(), StartsWith("READY=1\n"));
  loop_.call([&] {
    manager_->stopping(std::chrono::seconds(40));
    return true;
  });
  EXPECT_EQ(socket.next_with("STOPPING"), "STOPPING=1\nEXTEND_TIMEOUT_USEC=40000000\n");
}

// Stays in its tick as long as it is told to.
class Sticking : public QuietHandler {
 public:
  explicit Sticking(const std::atomic<bool>& stuck) : stuck_(stuck) {}
  void on_tick() override { stuck_.wait(true); }

 private:
  const std::atomic<bool>& stuck_;
};

TEST_F(ServiceManagerTest, TheWatchdogIsFedOnlyWhileEveryShardTurns) {
  const NotifySocket socket(path_);
  std::atomic<bool> stuck = false;
  const test::RealShards shards(
      test::one_shard(), [&stuck](std::uint32_t) { return std::make_unique<Sticking>(stuck); });
  auto probes = state_.probes();
  std::atomic<int> asked = 0;
  probes.health = [&] {
    ++asked;
    return stuck_shard(*shards.group);
  };
  start(path_, std::move(probes), std::chrono::milliseconds(40));
  EXPECT_THAT(socket.next_with("WATCHDOG=1\n"), HasSubstr("WATCHDOG=1\n"));
  stuck = true;
  EXPECT_TRUE(test::eventually([&] { return stuck_shard(*shards.group).has_value(); }));
  loop_.call([] { return true; });  // a turn that had asked before
  socket.forget();
  const int before = asked;
  EXPECT_TRUE(test::eventually([&] { return asked > before + 4; }));
  EXPECT_EQ(socket.next(false), "");
  stuck = false;
  stuck.notify_all();
  EXPECT_THAT(socket.next_with("WATCHDOG=1\n"), HasSubstr("WATCHDOG=1\n"));
  loop_.end();
}

TEST(ManagerEnvironmentTest, IsTakenAwayFromChildren) {
  setenv("NOTIFY_SOCKET", "/run/notify", 1);
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  const ManagerEnvironment taken = ManagerEnvironment::take();
  EXPECT_EQ(taken.socket, "/run/notify");
  EXPECT_EQ(taken.watchdog, std::chrono::seconds(30));
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
}

TEST(ManagerEnvironmentTest, AWatchdogOfAnotherProcessIsNotOurs) {
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(ManagerEnvironment::take().watchdog, microseconds(0));
  setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(ManagerEnvironment::take().watchdog, microseconds(0));
}

TEST_F(ServiceManagerTest, WithoutOneNothingIsSaid) {
  start("", state_.probes());
  loop_.call([&] {
    manager_->reloading();
    manager_->reloaded(true);
    manager_->stopping(std::chrono::seconds(1));
    return true;
  });
}

TEST_F(ServiceManagerTest, OneThatIsGoneOrNoneAtAllDoesNoHarm) {
  for (const std::string& name : {path_, std::string("nonsense"), std::string(200, '/')}) {
    start(name, state_.probes());
  }
}

}  // namespace
}  // namespace ringgate
