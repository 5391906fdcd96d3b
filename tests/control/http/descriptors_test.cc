// The monitor when the process has no descriptors left. A program of its own: it takes them all.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <thread>

#include "tests/control/http/monitor_client.h"

namespace ringgate::test {
namespace {

using testing::EndsWith;

// Takes every descriptor that this process may have, until it goes or gives some back.
class AllDescriptors {
 public:
  AllDescriptors() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (;;) {
      UniqueFd one(open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!one) return;
      taken_.push_back(std::move(one));
    }
  }
  void give_back(std::size_t count) { taken_.resize(taken_.size() - count); }
  void give_back_all() { taken_.clear(); }

 private:
  std::vector<UniqueFd> taken_;
};

// Sockets that connect later, when no more can be opened.
std::vector<UniqueFd> sockets(int count) {
  std::vector<UniqueFd> made;
  for (int i = 0; i < count; ++i) made.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return made;
}

TcpPeer asking(UniqueFd socket, const http::Monitor& monitor, std::string_view request) {
  const sockaddr_in to = loopback(monitor.port());
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  TcpPeer peer(std::move(socket));
  peer.send(request);
  return peer;
}

constexpr std::string_view kHealth = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(HttpDescriptors, ProbesAreAnsweredWithoutAnyLeft) {
  const auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  std::vector<UniqueFd> clients = sockets(60);
  const AllDescriptors none;
  std::vector<TcpPeer> dripping;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 2 == 0) {
      dripping.push_back(asking(std::move(clients[i]), *monitor, "GET /health HTTP/1.1\r\n"));
    } else {
      EXPECT_THAT(asking(std::move(clients[i]), *monitor, kHealth).read(4096), EndsWith("ok")) << i;
    }
  }
  EXPECT_EQ(metric(*monitor, "ringgate_http_accept_pauses_total"), 0);
}

TEST(HttpDescriptors, WithoutAReserveItPausesAndGoesOn) {
  std::vector<UniqueFd> clients = sockets(3);
  AllDescriptors all;
  all.give_back(3);  // epoll, eventfd and the listener
  const auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  const TcpPeer waits = asking(std::move(clients[0]), *monitor, kHealth);
  const auto began = std::chrono::steady_clock::now();
  while (metric(*monitor, "ringgate_http_accept_pauses_total") < 3) {
    ASSERT_FALSE(readable(waits.fd(), 5));
  }
  // Three pauses and no spinning: each takes a while.
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(150));
  all.give_back_all();
  EXPECT_THAT(waits.read(4096), EndsWith("ok"));
  EXPECT_THAT(asking(std::move(clients[1]), *monitor, kHealth).read(4096), EndsWith("ok"));
}

}  // namespace
}  // namespace ringgate::test
