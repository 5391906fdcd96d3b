#include "control/base/dialler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>

#include <atomic>
#include <optional>
#include <vector>

#include "tests/common/black_hole.h"
#include "tests/common/loop_thread.h"
#include "tests/common/made_socket.h"
#include "tests/common/tcp_peer.h"

namespace {

std::atomic<bool> release_stuck_lookups = false;

}  // namespace

// In place of the C library's, for some names: "several.test" has three addresses in this order,
// "swallowed.test" four of which a test makes the first ones swallow everything, and what is asked
// for "stuck.test" waits until the test releases it.
extern "C" int getaddrinfo(const char* host, const char* port, const addrinfo* hints,
                           addrinfo** found) {
  using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));
  const std::string name = host == nullptr ? "" : host;
  if (name == "stuck.test") {
    while (!release_stuck_lookups) std::this_thread::yield();
    return EAI_AGAIN;
  }
  std::vector<const char*> addresses;
  if (name == "several.test") addresses = {"127.0.0.3", "127.0.0.2", "127.0.0.1"};
  if (name == "swallowed.test") addresses = {"127.0.0.5", "127.0.0.4", "127.0.0.3", "127.0.0.1"};
  if (addresses.empty()) return real(host, port, hints, found);
  addrinfo** end = found;
  for (const char* const address : addresses) {
    if (const int failed = real(address, port, hints, end); failed != 0) return failed;
    while (*end != nullptr) end = &(*end)->ai_next;  // freeaddrinfo takes them one by one
  }
  return 0;
}

namespace ringgate {
namespace {

using test::BlackHole;
using test::LoopThread;
using test::open_fds;
using test::readable;
using test::TcpPeer;
using test::TcpService;
using namespace std::chrono_literals;

// A dialler on its loop's thread.
class Dialling : public testing::Test {
 protected:
  explicit Dialling(std::chrono::milliseconds timeout = 10s) {
    thread_.call([&] { dialler_ = std::make_unique<Dialler>(thread_.loop(), timeout); });
  }
  ~Dialling() override {
    thread_.call([&] { dialler_.reset(); });
  }
  Dialler::DialId start(const Endpoint& endpoint, const std::string& greeting = "hello") {
    return thread_.call([&] {
      return dialler_->dial(endpoint, greeting, [this](Result<DialedSocket> result) {
        EXPECT_FALSE(result_.has_value()) << "called twice";
        result_ = std::move(result);
      });
    });
  }
  Result<DialedSocket>& wait() {
    EXPECT_TRUE(thread_.eventually([this] { return result_.has_value(); }));
    return *result_;
  }

  LoopThread thread_;
  std::unique_ptr<Dialler> dialler_;
  std::optional<Result<DialedSocket>> result_;
};

void expect_link_socket(int fd) {
  EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0) << "the ring would spin on EAGAIN";
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  int value = 0;
  socklen_t bytes = sizeof value;
  EXPECT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &bytes), 0);
  EXPECT_NE(value, 0);
  EXPECT_EQ(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &bytes), 0);
  EXPECT_NE(value, 0);
  EXPECT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &bytes), 0);
  EXPECT_EQ(value, 5000);
}

TEST_F(Dialling, WritesTheGreetingAndNothingElse) {
  const TcpService service;
  const std::string greeting("\x02\0\0\0\x04\x0a\x02g1", 9);
  start({"127.0.0.1", service.port()}, greeting);
  Result<DialedSocket>& socket = wait();
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(socket->peer.port(), service.port());
  expect_link_socket(socket->fd.get());
  const TcpPeer peer = service.accept();
  EXPECT_EQ(peer.read(greeting.size()), greeting);
  EXPECT_FALSE(readable(peer.fd(), 0));
  EXPECT_TRUE(peer.send("answer"));
  EXPECT_EQ(TcpPeer(std::move(socket->fd)).read(6), "answer");
  EXPECT_TRUE(peer.read(1).empty()) << "the dialler kept a copy of the socket";
}

TEST_F(Dialling, DialsAName) {
  // "localhost" may be ::1 too, where nobody listens.
  const TcpService service;
  start({"localhost", service.port()});
  Result<DialedSocket>& socket = wait();
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(socket->peer.family(), AF_INET);
  EXPECT_EQ(service.accept().read(5), "hello");
}

TEST_F(Dialling, TriesTheAddressesOfANameInTheirOrder) {
  const TcpService last;
  start({"several.test", last.port()});
  ASSERT_TRUE(wait()) << wait().error().message;
  EXPECT_EQ(format_host(wait()->peer.get()), "127.0.0.1");
  EXPECT_EQ(last.accept().read(5), "hello");

  // One that listens on all of them is dialled at the first.
  const UniqueFd every = test::made_socket(AF_INET, SOCK_STREAM);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t bytes = sizeof address;
  ASSERT_EQ(bind(every.get(), reinterpret_cast<const sockaddr*>(&address), bytes), 0);
  ASSERT_EQ(listen(every.get(), 4), 0);
  getsockname(every.get(), reinterpret_cast<sockaddr*>(&address), &bytes);
  result_.reset();
  start({"several.test", ntohs(address.sin_port)});
  ASSERT_TRUE(wait()) << wait().error().message;
  EXPECT_EQ(format_host(wait()->peer.get()), "127.0.0.3");
}

TEST_F(Dialling, ANameWhoseAddressesAllRefuseSaysSo) {
  TcpService service;
  const std::uint16_t port = service.port();
  service.close();
  const auto before = open_fds();
  start({"several.test", port});
  ASSERT_FALSE(wait());
  EXPECT_EQ(wait().error().message, "Connection refused");
  EXPECT_EQ(open_fds(), before);
}

TEST_F(Dialling, DialsIpv6) {
  const UniqueFd listener(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  socklen_t bytes = sizeof address;
  if (!listener || bind(listener.get(), reinterpret_cast<sockaddr*>(&address), bytes) != 0) {
    GTEST_SKIP() << "no IPv6 on this machine";
  }
  ASSERT_EQ(listen(listener.get(), 4), 0);
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &bytes);
  const std::uint16_t port = ntohs(address.sin6_port);
  start({"::1", port});
  ASSERT_TRUE(wait()) << wait().error().message;
  const TcpPeer peer(UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  EXPECT_EQ(peer.read(5), "hello");
}

TEST_F(Dialling, ARefusedPortSaysSo) {
  TcpService service;
  const std::uint16_t port = service.port();
  service.close();
  start({"127.0.0.1", port});
  ASSERT_FALSE(wait());
  EXPECT_EQ(wait().error().message, "Connection refused");
}

TEST_F(Dialling, ANameWithoutAddressSaysWhich) {
  start({"no-such-host.invalid", 1});
  ASSERT_FALSE(wait());
  EXPECT_NE(wait().error().message.find("no-such-host.invalid"), std::string::npos)
      << wait().error().message;
}

// Never from within dial(): the caller has not got the id yet.
TEST_F(Dialling, TheCallbackComesLater) {
  const TcpService service;
  thread_.call([&] {
    dialler_->dial({"127.0.0.1", service.port()}, "hello",
                   [this](Result<DialedSocket> result) { result_ = std::move(result); });
    EXPECT_FALSE(result_.has_value());
  });
  EXPECT_TRUE(wait());
}

TEST_F(Dialling, AnAbandonedDialIsNotHeardOfAndKeepsNoDescriptor) {
  const TcpService service;
  const auto before = open_fds();
  thread_.call([&] {
    for (int i = 0; i < 50; ++i) {
      const auto id = dialler_->dial({"127.0.0.1", service.port()}, "hello",
                                     [](Result<DialedSocket>) { ADD_FAILURE() << "abandoned"; });
      // At once, before its connect; after it; and some in between.
      if (i % 2 == 0) {
        dialler_->abandon(id);
      } else {
        thread_.loop().post([this, id] { dialler_->abandon(id); });
      }
      dialler_->abandon(id + 1000);  // unknown: no error
    }
  });
  // One that is not abandoned ends after they would have.
  start({"127.0.0.1", service.port()});
  ASSERT_TRUE(wait());
  result_.reset();
  EXPECT_TRUE(thread_.eventually([&] { return open_fds() == before; }));
}

TEST_F(Dialling, FailuresKeepNoDescriptor) {
  TcpService service;
  const std::uint16_t port = service.port();
  service.close();
  const auto before = open_fds();
  int failures = 0;
  thread_.call([&] {
    for (int i = 0; i < 50; ++i) {
      dialler_->dial({"127.0.0.1", port}, "hello", [&failures](Result<DialedSocket> result) {
        EXPECT_FALSE(result);
        ++failures;
      });
    }
  });
  EXPECT_TRUE(thread_.eventually([&] { return failures == 50; }));
  EXPECT_EQ(open_fds(), before);
}

TEST_F(Dialling, ACallbackMayDialAgain) {
  TcpService service;
  const std::uint16_t port = service.port();
  service.close();
  int failures = 0;
  std::function<void(Result<DialedSocket>)> again = [&](const Result<DialedSocket>& result) {
    EXPECT_FALSE(result);
    if (++failures < 20) dialler_->dial({"127.0.0.1", port}, "hello", again);
  };
  thread_.call([&] { dialler_->dial({"127.0.0.1", port}, "hello", again); });
  EXPECT_TRUE(thread_.eventually([&] { return failures == 20; }));
}

// The loop goes on after its dialler; answers of the name service may be on their way to it.
TEST(Dialler, ItsEndLeavesNothingBehindInTheLoop) {
  LoopThread thread;
  const TcpService service(0, 1000);
  for (int round = 0; round < 30; ++round) {
    std::unique_ptr<Dialler> dialler;
    bool first_done = false;
    thread.call([&] {
      dialler = std::make_unique<Dialler>(thread.loop(), 10s);
      dialler->dial({"localhost", service.port()}, "one", [&](Result<DialedSocket>) {
        first_done = true;
        // What the others' lookups found may be posted already.
        thread.loop().post([&] { dialler.reset(); });
      });
      for (int i = 0; i < 8; ++i) {
        dialler->dial({"localhost", service.port()}, "more", [](Result<DialedSocket>) {});
      }
    });
    EXPECT_TRUE(thread.eventually([&] { return first_done && dialler == nullptr; }));
  }
  thread.call([] {});
}

// --- Addresses that swallow everything -----------------------------------------------------------

TEST_F(Dialling, AnAddressThatSwallowsEverythingDoesNotHideTheNext) {
  const TcpService last;
  const std::vector<BlackHole> holes = [&] {
    std::vector<BlackHole> all;
    for (const char* const host : {"127.0.0.5", "127.0.0.4", "127.0.0.3"}) {
      all.emplace_back(host, last.port());
    }
    return all;
  }();
  const auto before = open_fds();
  start({"swallowed.test", last.port()});
  ASSERT_TRUE(wait()) << wait().error().message;
  EXPECT_EQ(format_host(wait()->peer.get()), "127.0.0.1");
  EXPECT_EQ(last.accept().read(5), "hello");
  EXPECT_EQ(open_fds(), before + 1) << "the others' sockets are gone";
}

// --- Time ---------------------------------------------------------------------------------------

class DiallingInAHurry : public Dialling {
 protected:
  DiallingInAHurry() : Dialling(50ms) {}
};

TEST_F(DiallingInAHurry, NoAnswerIsAnErrorAfterTheTimeout) {
  TcpService elsewhere;
  const std::uint16_t port = elsewhere.port();
  elsewhere.close();
  const BlackHole hole("127.0.0.1", port);
  const auto before = open_fds();
  start({"127.0.0.1", port});
  ASSERT_FALSE(wait());
  EXPECT_EQ(wait().error().message, "no answer within the dial timeout");
  EXPECT_EQ(open_fds(), before);
}

// Four addresses in 50 ms, the last of which answers.
TEST_F(DiallingInAHurry, AShortTimeoutIsSharedOut) {
  const TcpService last;
  const BlackHole one("127.0.0.5", last.port());
  const BlackHole two("127.0.0.4", last.port());
  // A machine that is too busy for 50 ms is asked again.
  for (int round = 0; round < 100; ++round) {
    result_.reset();
    start({"swallowed.test", last.port()});
    if (wait()) break;
  }
  ASSERT_TRUE(wait()) << wait().error().message;
  EXPECT_EQ(format_host(wait()->peer.get()), "127.0.0.1");
}

TEST_F(DiallingInAHurry, ALookupThatHangsCountsToo) {
  start({"stuck.test", 1});
  ASSERT_FALSE(wait());
  EXPECT_EQ(wait().error().message, "no answer within the dial timeout");
  // The lookup's own answer comes later, and to nobody.
  release_stuck_lookups = true;
  result_.reset();
  const TcpService service;
  start({"localhost", service.port()});
  EXPECT_TRUE(wait());
}

TEST_F(DiallingInAHurry, TheTimeoutDoesNotComeAfterSuccess) {
  const TcpService service;
  start({"127.0.0.1", service.port()});
  ASSERT_TRUE(wait());
  bool later = false;
  thread_.call([&] { thread_.loop().after(100ms, [&] { later = true; }); });
  EXPECT_TRUE(thread_.eventually([&] { return later; }));  // start()'s callback fails if called
}

}  // namespace
}  // namespace ringgate
