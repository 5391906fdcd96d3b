// The floors as real processes: what they are to be measured for, they do, and exactly.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/header_scan.h"
#include "codec/packet.h"
#include "codec/tcp_frame.h"
#include "tests/common/free_port.h"
#include "tests/integration/process.h"
#include "tests/integration/socket.h"

namespace ringgate::test {
namespace {

using ::testing::HasSubstr;

std::uint16_t port_in(const std::string& line) {
  return static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
}

class Floor {
 public:
  Floor(const std::string& name, std::vector<std::string> arguments)
      : process_(words(name, std::move(arguments))) {}

  [[nodiscard]] std::uint16_t port() { return port_in(process_.wait_for_line("listening tcp")); }
  [[nodiscard]] ProcessUnderTest& process() { return process_; }
  int stop(int signal = SIGINT) {
    process_.signal(signal);
    return process_.wait_exit();
  }

 private:
  static std::vector<std::string> words(const std::string& name,
                                        std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FLOORS_FOLDER "/" + name);
    return arguments;
  }
  ProcessUnderTest process_;
};

std::string ping_bytes(std::size_t count) {
  std::string bytes;
  for (std::size_t at = 0; at < count; ++at) bytes.append(as_text(kTcpPing));
  return bytes;
}

void expect_pongs(Socket& socket, std::size_t count) {
  std::string got;
  while (got.size() < count * kTcpPong.size()) ASSERT_TRUE(socket.read_some(got));
  std::string expected;
  for (std::size_t at = 0; at < count; ++at) expected.append(as_text(kTcpPong));
  EXPECT_EQ(got, expected);
}

TEST(BareRelay, AnswersWhenTheServiceBehindItHas) {
  Floor service("bare_relay", {});
  Floor relay("bare_relay", {"--service", fmt::format("127.0.0.1:{}", service.port())});
  const std::uint16_t port = relay.port();
  Socket first = Socket::connect(port);
  Socket second = Socket::connect(port);
  first.write_all(ping_bytes(100));
  expect_pongs(first, 100);
  second.write_all(ping_bytes(7));
  first.write_all(ping_bytes(2000));  // more than go in one send
  expect_pongs(second, 7);
  expect_pongs(first, 2000);
  EXPECT_EQ(service.stop(), 0);
  first.write_all(ping_bytes(1));  // nobody answers any more, and it goes on
  EXPECT_EQ(relay.stop(), 0);
}

TEST(BareRelay, WithoutItsServiceItDoesNotStart) {
  Floor relay("bare_relay", {"--service", fmt::format("127.0.0.1:{}", free_port())});
  EXPECT_EQ(relay.process().wait_exit(), 1);
}

class BareEchoThat : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Gathers, BareEchoThat, testing::Values("0", "500"));

TEST_P(BareEchoThat, AnswersThirteenBytesWithThirteen) {
  Floor floor("bare_echo", {"--gather", GetParam()});
  Socket socket = Socket::connect(floor.port());
  socket.write_all(ping_bytes(1));
  expect_pongs(socket, 1);
  const std::string many = ping_bytes(100);  // in two parts, cut within a message
  socket.write_all(std::string_view(many).substr(0, 700));
  expect_pongs(socket, 53);
  socket.write_all(std::string_view(many).substr(700));
  expect_pongs(socket, 47);
  EXPECT_EQ(floor.stop(), 0);
}

TEST(BareEcho, SeveralShardsShareAPort) {
  Floor floor("bare_echo", {"--shards", "3"});
  const std::uint16_t port = floor.port();
  std::vector<Socket> sockets;
  sockets.reserve(30);
  for (int at = 0; at < 30; ++at) sockets.push_back(Socket::connect(port));
  for (Socket& socket : sockets) socket.write_all(ping_bytes(2));
  for (Socket& socket : sockets) expect_pongs(socket, 2);
  EXPECT_EQ(floor.stop(SIGTERM), 0);
}

// A client of bare_tls_echo, which takes the certificate as it is.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port)
      : socket_(Socket::connect(port)),
        context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        ssl_(SSL_new(context_.get()), SSL_free) {
    // A floor that does not answer fails the test, and does not hang it.
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    fcntl(socket_.fd(), F_SETFL, fcntl(socket_.fd(), F_GETFL) & ~O_NONBLOCK);
    SSL_set_fd(ssl_.get(), socket_.fd());
    EXPECT_EQ(SSL_connect(ssl_.get()), 1);
  }
  // Each part in a record of its own.
  void write(std::string_view bytes) {
    EXPECT_EQ(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  void expect_pongs(std::size_t count) {
    std::string got(count * kTcpPong.size(), '\0');
    for (std::size_t at = 0; at < got.size();) {
      const int bytes = SSL_read(ssl_.get(), got.data() + at, static_cast<int>(got.size() - at));
      ASSERT_GT(bytes, 0);
      at += static_cast<std::size_t>(bytes);
    }
    for (std::size_t at = 0; at < got.size(); at += kTcpPong.size()) {
      EXPECT_EQ(got.substr(at, kTcpPong.size()), as_text(kTcpPong));
    }
  }
  void close() {
    SSL_shutdown(ssl_.get());
    socket_.close();
  }
  // Until the floor has closed.
  [[nodiscard]] bool sees_the_end() {
    SSL_shutdown(ssl_.get());
    char byte = 0;
    return recv(socket_.fd(), &byte, 1, 0) == 0;
  }

 private:
  Socket socket_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

TEST(BareTlsEcho, AnswersThirteenBytesWithThirteen) {
  Floor floor("bare_tls_echo", {});
  TlsClient client(floor.port());
  client.write(ping_bytes(1));
  client.expect_pongs(1);
  const std::string many = ping_bytes(1000);  // a record longer than a buffer, and cut in a message
  client.write(std::string_view(many).substr(0, 12'000));
  client.expect_pongs(923);
  client.write(std::string_view(many).substr(12'000));
  client.expect_pongs(77);
  EXPECT_EQ(floor.stop(), 0);
}

TEST(BareTlsEcho, ManyComeAndGo) {
  Floor floor("bare_tls_echo", {"--shards", "2"});
  const std::uint16_t port = floor.port();
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int round = 0; round < 3; ++round) {
    for (int at = 0; at < 10; ++at) clients.push_back(std::make_unique<TlsClient>(port));
    for (const auto& client : clients) client->write(ping_bytes(2));
    for (const auto& client : clients) client->expect_pongs(2);
    for (const auto& client : clients) client->close();
    clients.clear();
  }
  Socket plain = Socket::connect(port);  // no handshake: this one is closed
  plain.write_all("GET / HTTP/1.1\r\n\r\n");
  std::string answer;
  while (plain.read_some(answer)) {
  }
  TlsClient last(port);
  last.write(ping_bytes(1));
  last.expect_pongs(1);
  EXPECT_TRUE(last.sees_the_end());  // a close_notify is no data
  EXPECT_EQ(floor.stop(SIGTERM), 0);
}

// What came of a push's numbers, in order.
std::vector<std::uint64_t> numbers_in(std::string& bytes, std::size_t body_bytes) {
  std::vector<std::uint64_t> numbers;
  for (;;) {
    const FrameStep step = next_tcp_frame(as_bytes(bytes), 1 << 20);
    if (step.status != FrameStatus::kFrame) return numbers;
    const Packet packet = parse_packet(step.frame.payload, 4096);
    HeaderScan scan;
    EXPECT_EQ(packet.status, PacketStatus::kLogic);
    EXPECT_EQ(scan_header(packet.header, 8, scan), ScanStatus::kCanonical);
    EXPECT_EQ(scan.flag, static_cast<std::uint32_t>(Flag::kPush));
    EXPECT_EQ(packet.body.size(), body_bytes);
    const std::string_view digits = as_text(packet.body).substr(16, 8);
    std::from_chars(digits.data(), digits.data() + digits.size(), numbers.emplace_back(), 16);
    bytes.erase(0, step.consumed);
  }
}

class Receiver {
 public:
  Receiver(std::uint16_t port, std::size_t body_bytes, int receive_buffer_bytes = 0)
      : socket_(Socket::connect(port, receive_buffer_bytes)), body_bytes_(body_bytes) {}

  void read_until(std::size_t count) {
    while (numbers_.size() < count) {
      ASSERT_TRUE(socket_.read_some(rest_));
      for (const std::uint64_t number : numbers_in(rest_, body_bytes_)) numbers_.push_back(number);
    }
  }
  [[nodiscard]] const std::vector<std::uint64_t>& numbers() const { return numbers_; }
  [[nodiscard]] bool nothing_more() const { return rest_.empty() && !socket_.readable(20ms); }
  void close() { socket_.close(); }

 private:
  Socket socket_;
  std::size_t body_bytes_;
  std::string rest_;
  std::vector<std::uint64_t> numbers_;
};

// The pushes whose turn comes to that place.
std::vector<std::uint64_t> expected_at(std::uint64_t place, std::uint64_t receivers,
                                       std::uint64_t fanout, std::uint64_t pushes) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t delivery = place; delivery < pushes * fanout; delivery += receivers) {
    numbers.push_back(delivery / fanout);
  }
  return numbers;
}

TEST(BarePush, EveryReceiverGetsItsTurnsAlsoWhenOneIsSlow) {
  constexpr std::size_t kBodyBytes = 16'384;
  constexpr std::uint64_t kPushes = 1500;
  Floor floor("bare_push",
              {"--receivers", "3", "--fanout", "2", "--body", std::to_string(kBodyBytes), "--rate",
               "20000", "--pushes", std::to_string(kPushes)});
  const std::uint16_t port = floor.port();
  std::vector<Receiver> receivers;
  receivers.reserve(3);
  for (int at = 0; at < 3; ++at) receivers.emplace_back(port, kBodyBytes, at == 0 ? 4096 : 0);
  // The others go on while the first reads nothing: 8 MB for it are more than its socket holds.
  receivers[1].read_until(500);
  receivers[2].read_until(500);
  for (Receiver& receiver : receivers) receiver.read_until(kPushes * 2 / 3);
  floor.process().wait_for_line("pushed 1500 pushes, 3000 deliveries");

  std::vector<std::vector<std::uint64_t>> got;
  for (const Receiver& receiver : receivers) {
    EXPECT_TRUE(receiver.nothing_more());
    got.push_back(receiver.numbers());
  }
  std::vector<std::vector<std::uint64_t>> expected;
  expected.reserve(3);
  for (std::uint64_t place = 0; place < 3; ++place) {
    expected.push_back(expected_at(place, 3, 2, kPushes));
  }
  EXPECT_TRUE(std::ranges::is_permutation(got, expected));
  EXPECT_EQ(floor.stop(), 0);
}

TEST(BarePush, AReceiverThatLeavesIsPassedOver) {
  Floor floor("bare_push", {"--receivers", "2", "--in-flight", "4"});
  const std::uint16_t port = floor.port();
  Receiver stays(port, 64);
  {
    Receiver leaves(port, 64);
    leaves.read_until(10);
  }
  stays.read_until(5000);
  for (std::size_t at = 0; at < 5000; ++at) ASSERT_EQ(stays.numbers()[at], at);
  stays.close();
  floor.process().wait_for_line("pushed ");
  // The next run begins at 0 again.
  Receiver one(port, 64);
  Receiver other(port, 64);
  one.read_until(3);
  EXPECT_THAT(std::vector(one.numbers().begin(), one.numbers().begin() + 3),
              ::testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(floor.stop(), 0);
}

TEST(BareAccept, HoldsWhatItsShardsHaveRoomFor) {
  Floor floor("bare_accept", {"--shards", "2", "--slots", "10"});
  const std::uint16_t port = floor.port();
  std::vector<Socket> sockets;
  sockets.reserve(19);
  for (int at = 0; at < 19; ++at) sockets.push_back(Socket::connect(port));
  floor.process().wait_for_line("held 19");
  sockets.push_back(Socket::connect(port));
  floor.process().wait_for_line("held 20");
  floor.process().signal(SIGUSR1);
  sockets.push_back(Socket::connect(port));  // waits in the backlog
  EXPECT_EQ(floor.stop(), 0);
  EXPECT_THAT(floor.process().output(), ::testing::Not(HasSubstr("held 21")));
}

TEST(BareAccept, ConnectsAsManyAsAskedFor) {
  Floor server("bare_accept", {"--shards", "2", "--slots", "400"});
  const std::string target = fmt::format("127.0.0.1:{}", server.port());
  Floor client("bare_accept", {"--connect", target, "--connections", "700", "--slots", "300"});
  client.process().wait_for_line("held 700");
  server.process().wait_for_line("held 700");
  EXPECT_EQ(client.stop(), 0);
  EXPECT_EQ(server.stop(), 0);
}

TEST(BareAccept, SaysThatNobodyListens) {
  Floor client("bare_accept",
               {"--connect", fmt::format("127.0.0.1:{}", free_port()), "--connections", "3"});
  EXPECT_EQ(client.process().wait_exit(), 1);
  EXPECT_THAT(client.process().whole_output(), HasSubstr("is a server there"));
}

class EveryFloor : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryFloor, SaysThatThePortIsTaken) {
  const Listener listener;
  Floor floor(GetParam(), {"--listen", fmt::format("127.0.0.1:{}", listener.port())});
  EXPECT_EQ(floor.process().wait_exit(), 1);
  EXPECT_THAT(floor.process().whole_output(),
              HasSubstr(fmt::format(": cannot listen on 127.0.0.1:{}: the port is taken; choose "
                                    "another --listen",
                                    listener.port())));
}

TEST_P(EveryFloor, RefusesAWrongFlag) {
  Floor floor(GetParam(), {"--no-such-flag"});
  EXPECT_EQ(floor.process().wait_exit(), 2);
  EXPECT_THAT(floor.process().whole_output(), HasSubstr("--no-such-flag"));
}

TEST_P(EveryFloor, ExplainsItself) {
  Floor floor(GetParam(), {"--help"});
  EXPECT_EQ(floor.process().wait_exit(), 0);
  EXPECT_THAT(floor.process().whole_output(), HasSubstr("--listen"));
}

INSTANTIATE_TEST_SUITE_P(Floors, EveryFloor,
                         ::testing::Values("bare_echo", "bare_push", "bare_accept"),
                         [](const auto& floor) { return std::string(floor.param); });

TEST(SharedPort, IsTakenByAnotherOfSeveralShards) {
  Floor first("bare_echo", {"--shards", "2"});
  Floor second("bare_echo",
               {"--shards", "2", "--listen", fmt::format("127.0.0.1:{}", first.port())});
  EXPECT_EQ(second.process().wait_exit(), 1);
  EXPECT_THAT(second.process().whole_output(), HasSubstr("the port is taken"));
}

TEST(BarePush, RefusesAFanoutAboveTheReceivers) {
  Floor floor("bare_push", {"--receivers", "3", "--fanout", "4"});
  EXPECT_EQ(floor.process().wait_exit(), 2);
}

}  // namespace
}  // namespace ringgate::test
