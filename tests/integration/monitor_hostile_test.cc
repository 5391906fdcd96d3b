// Clients of the monitor and admin ports that mean no good, beside probes that have to go on.
#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::StartsWith;

// KiB.
long resident(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  }
  return -1;
}

std::ptrdiff_t open_files(pid_t pid) {
  return std::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"),
                       std::filesystem::directory_iterator());
}

// Connections on which a byte of a request comes now and then. One that is closed is opened again.
// From an address that is not the probes': what one address may have is bounded, and so many that
// begin again and again leave it no place for long.
class Drips {
 public:
  Drips(std::uint16_t port, std::size_t count) : port_(port), sockets_(count) {
    for (Socket& socket : sockets_) begin(socket);
    thread_ = std::thread([this] { run(); });
  }
  ~Drips() {
    ended_ = true;
    thread_.join();
  }
  Drips(const Drips&) = delete;
  Drips& operator=(const Drips&) = delete;
  // How often every connection has sent another byte.
  void wait_rounds(int count) const {
    wait_until("drips", [&, until = rounds_ + count] { return rounds_ >= until; });
  }

 private:
  void begin(Socket& socket) const {
    socket = connect_from("127.0.0.2", port_);
    socket.write_all("GET /health HTTP/1.1\r\nX: ");
  }
  void run() {
    while (!ended_) {
      for (Socket& socket : sockets_) {
        try {
          socket.write_all("x");
        } catch (const std::runtime_error&) {
          try {
            begin(socket);
          } catch (const std::runtime_error&) {
            return;  // the process has ended
          }
        }
      }
      ++rounds_;
      std::this_thread::sleep_for(5ms);
    }
  }

  const std::uint16_t port_;
  std::vector<Socket> sockets_;
  std::atomic<int> rounds_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

TEST(HostileMonitor, ProbesGoOnBesideDrippingClients) {
  const World world;
  const Server gateway(world, "gateway", "g1");
  for (const std::size_t count : {4U, 400U}) {
    const Drips drips(gateway.monitor(), count);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(gateway.get("/health").body, "ok");
      EXPECT_EQ(gateway.get("/ready").status, 503);
      drips.wait_rounds(1);
    }
    EXPECT_GE(gateway.metric("ringgate_clients"), 0);
  }
}

TEST(HostileMonitor, ConnectionsAreBoundedAndDescriptorsComeBack) {
  const World world;
  Server gateway(world, "gateway", "g1", {{"MonitorRequestTime", "2s"}});
  const std::ptrdiff_t before = open_files(gateway.process().pid());
  std::vector<Socket> silent;
  for (int i = 0; i < 1000; ++i) {
    silent.push_back(Socket::connect(gateway.monitor()));
    if (i % 100 == 0) {
      EXPECT_EQ(gateway.get("/health").status, 200);
    }
  }
  EXPECT_LE(open_files(gateway.process().pid()), before + 64 + 8);
  EXPECT_GE(gateway.metric("ringgate_http_dropped_total", "connections_of_address"), 900);
  // Nobody asked anything in time.
  gateway.wait_metric("ringgate_http_dropped_total", 60, "request_time");
  wait_until("descriptors", [&] { return open_files(gateway.process().pid()) <= before + 1; });
}

TEST(HostileMonitor, EndlessHeadersCostNoMemory) {
  const World world;
  Server gateway(world, "gateway", "g1");
  const pid_t pid = gateway.process().pid();
  EXPECT_EQ(gateway.get("/health").status, 200);
  const long before = resident(pid);
  const std::string line = "X-Header: " + std::string(1000, 'x') + "\r\n";
  std::size_t sent = 0;
  for (int i = 0; i < 64; ++i) {
    Socket socket = Socket::connect(gateway.monitor());
    try {
      socket.write_all("GET /health HTTP/1.1\r\n");
      // The kernel takes some megabytes on its way.
      for (int lines = 0; lines < 32'000; ++lines, sent += line.size()) socket.write_all(line);
      ADD_FAILURE() << "32 MB of header were taken";
    } catch (const std::runtime_error&) {
      // It was cut off, as it should be.
    }
  }
  EXPECT_LT(resident(pid), before + 16 * 1024) << sent << " bytes were sent";
  EXPECT_GE(gateway.metric("ringgate_http_answers_total", "431"), 64);
}

TEST(HostileMonitor, TheEndDoesNotWaitForADrippingClient) {
  const World world;
  Server gateway(world, "gateway", "g1", {{"MonitorRequestTime", "1h"}, {"DrainTime", "100ms"}});
  const Drips drips(gateway.monitor(), 4);
  drips.wait_rounds(2);
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait_exit(), 0);
}

TEST(HostileMonitor, ManyRangesGetOneAnswer) {
  const World world;
  const Server gateway(world, "gateway", "g1");
  Socket socket = Socket::connect(gateway.monitor());
  std::string ranges = "0-";
  for (int i = 0; i < 1000; ++i) ranges += ",0-";
  socket.write_all("GET /metrics HTTP/1.1\r\nHost: a\r\nRange: bytes=" + ranges + "\r\n\r\n");
  std::string text;
  while (socket.read_some(text)) {
  }
  EXPECT_THAT(text, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(text.find("multipart"), std::string::npos);
  EXPECT_LT(text.size(), 1024 * 1024U);
}

}  // namespace
}  // namespace ringgate::test
