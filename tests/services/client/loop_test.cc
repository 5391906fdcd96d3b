#include "services/client/loop.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <future>
#include <string>
#include <utility>

#include "codec/tcp_frame.h"
#include "services/client/dial.h"
#include "services/client/socket.h"
#include "tests/common/made_socket.h"
#include "tests/services/client/gateway_packets.h"

namespace ringgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// --- The loop, over real descriptors ----------------------------------------------------------

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(fds_.data()), 0); }
  ~Pipe() {
    close_write();
    close(fds_[0]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return fds_[0]; }
  int write_end() const { return fds_[1]; }
  void put(std::string_view text) const {
    EXPECT_EQ(write(fds_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void close_write() {
    if (fds_[1] >= 0) close(fds_[1]);
    fds_[1] = -1;
  }
  std::string read_all() {
    close_write();
    std::string text;
    std::array<char, 4096> buffer{};
    ssize_t bytes = 0;
    while ((bytes = read(fds_[0], buffer.data(), buffer.size())) > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(bytes));
    }
    return text;
  }

 private:
  std::array<int, 2> fds_{-1, -1};
};

// The gateway's end of a connection; what it answers is up to each test.
class ScriptedGateway {
 public:
  ScriptedGateway() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_.data()), 0);
  }
  ~ScriptedGateway() {
    close(fds_[0]);
    hang_up();
  }
  ScriptedGateway(const ScriptedGateway&) = delete;
  ScriptedGateway& operator=(const ScriptedGateway&) = delete;

  int client_end() const { return fds_[0]; }

  void put(const std::string& bytes) const {
    EXPECT_EQ(send(fds_[1], bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  // The next frame that the client sends.
  Sent next() {
    while (queued_.empty()) {
      pollfd waiting{fds_[1], POLLIN, 0};
      std::array<char, 4096> buffer{};
      ssize_t bytes = -1;
      if (poll(&waiting, 1, 20'000) == 1) bytes = recv(fds_[1], buffer.data(), buffer.size(), 0);
      if (bytes <= 0) {
        ADD_FAILURE() << "the client sent nothing more";
        return {};
      }
      received_.append(buffer.data(), static_cast<std::size_t>(bytes));
      take_whole_frames();
    }
    const Sent sent = queued_.front();
    queued_.pop_front();
    return sent;
  }

  void hang_up() {
    if (fds_[1] >= 0) close(fds_[1]);
    fds_[1] = -1;
  }

 private:
  void take_whole_frames() {
    while (true) {
      const FrameStep step = next_tcp_frame(as_bytes(received_), 1 << 20);
      if (step.status != FrameStatus::kFrame) return;
      queued_.push_back(parse_sent(received_.substr(0, step.consumed)).at(0));
      received_.erase(0, step.consumed);
    }
  }

  std::array<int, 2> fds_{-1, -1};
  std::string received_;
  std::deque<Sent> queued_;
};

struct ClientLoopTest : public ::testing::Test {
  std::future<int> start(int signals = -1) {
    const client::Descriptors descriptors{.input = input.read_end(),
                                          .output = output.write_end(),
                                          .problems = problems.write_end(),
                                          .signals = signals};
    return std::async(std::launch::async, [this, descriptors] {
      client::Stream stream(UniqueFd(dup(gateway.client_end())));
      return client::run(
          descriptors, {std::move(stream), client::make_tcp_transport()},
          [this](const std::string& at) { return dial_again(at); }, "alice", "a.b.c");
    });
  }
  // The other gateway, of which the first attempt finds nothing.
  Result<client::Dialled> dial_again(const std::string& at) {
    dialled_at.push_back(at);
    if (dialled_at.size() == 1) return run_error("nobody listens yet");
    return client::Dialled{client::Stream(UniqueFd(dup(other.client_end()))),
                           client::make_tcp_transport()};
  }

  ScriptedGateway gateway;
  ScriptedGateway other;
  std::vector<std::string> dialled_at;
  Pipe input;
  Pipe output;
  Pipe problems;
};

TEST_F(ClientLoopTest, RunsAScriptToItsEnd) {
  input.put("ping\ntalk bob hello\nquit\nping\n");
  std::future<int> code = start();
  gateway.put(login_answer(gateway.next().header.sequence()));
  EXPECT_TRUE(gateway.next().ping);
  const Sent talk = gateway.next();
  EXPECT_EQ(talk.header.command(), "chat.user.talk");
  gateway.put(pong() + talk_answer(talk.header.sequence()));
  EXPECT_EQ(gateway.next().opcode, Opcode::kClose) << "nothing after quit";
  gateway.put(frame(Opcode::kClose, ""));
  EXPECT_EQ(code.get(), 0);
  EXPECT_THAT(output.read_all(),
              MatchesRegex("logged in as alice, channel g1_alice_7\npong [0-9]+\\.[0-9][0-9] ms\n"
                           "sent to bob: message id 12345, sent 2026-01-02T03:04:05.678Z\n"));
  EXPECT_EQ(problems.read_all(), "");
}

TEST_F(ClientLoopTest, ComesAgainWhereAndWhenAGatewayThatGoesAwaySays) {
  std::future<int> code = start();
  gateway.put(login_answer(gateway.next().header.sequence()));
  gateway.put(frame(Opcode::kClose, "draining; retry_in_ms=20; at=gateway2:8001"));
  EXPECT_EQ(gateway.next().opcode, Opcode::kClose);
  const Sent login = other.next();
  EXPECT_EQ(login.header.command(), "login.signin");
  input.put("echo still here\n");
  other.put(login_answer(login.header.sequence()));
  const Sent echo = other.next();
  EXPECT_EQ(echo.body, "still here") << "what is read meanwhile is not lost";
  other.put(response(echo.header.sequence(), echo.body));
  input.close_write();
  EXPECT_EQ(other.next().opcode, Opcode::kClose);
  other.put(frame(Opcode::kClose, ""));
  EXPECT_EQ(code.get(), 0);
  EXPECT_THAT(dialled_at, ElementsAre("gateway2:8001", "gateway2:8001"));
  EXPECT_EQ(problems.read_all(),
            "the gateway goes away; logging in again at gateway2:8001 in 20 ms\n");
}

TEST_F(ClientLoopTest, TakesTheEndOfTheInputForQuit) {
  input.put("echo no line end");
  input.close_write();
  std::future<int> code = start();
  gateway.put(login_answer(gateway.next().header.sequence()));
  const Sent echo = gateway.next();
  EXPECT_EQ(echo.body, "no line end");
  gateway.put(response(echo.header.sequence(), echo.body));
  EXPECT_EQ(gateway.next().opcode, Opcode::kClose);
  gateway.hang_up();
  EXPECT_EQ(code.get(), 0);
  EXPECT_THAT(output.read_all(), HasSubstr("echo: no line end\n"));
}

TEST_F(ClientLoopTest, SendsNothingBeforeTheLoginIsAnswered) {
  input.put("ping\n");
  std::future<int> code = start();
  const Sent login = gateway.next();
  gateway.put(pong() + response(login.header.sequence(), "", Status::kUnauthorized));
  EXPECT_EQ(code.get(), 1);
  EXPECT_EQ(output.read_all(), "");
  EXPECT_EQ(problems.read_all(), "the login failed: the token was refused (status 105)\n");
}

TEST_F(ClientLoopTest, PrintsWhatIsPushedWhileItWaitsForInput) {
  std::future<int> code = start();
  gateway.put(login_answer(gateway.next().header.sequence()));
  gateway.put(talk_push("hello"));
  EXPECT_EQ(gateway.next().header.command(), "chat.talk.ack");
  gateway.hang_up();
  EXPECT_EQ(code.get(), 1);
  EXPECT_THAT(output.read_all(), HasSubstr("from bob: hello (message id 99)\n"));
  EXPECT_EQ(problems.read_all(), "the gateway closed the connection\n");
}

TEST_F(ClientLoopTest, EndsOnASignal) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigset_t before;
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &signals, &before), 0);
  const UniqueFd watched(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  std::future<int> code = start(watched.get());
  gateway.put(login_answer(gateway.next().header.sequence()));
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  EXPECT_EQ(code.get(), 128 + SIGINT);
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

// --- Dialling -----------------------------------------------------------------------------------

UniqueFd listen_on_loopback(std::uint16_t& port) {
  UniqueFd listener = test::made_socket(AF_INET, SOCK_STREAM);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(listener.get(), generic, length), 0);
  EXPECT_EQ(getsockname(listener.get(), generic, &length), 0);
  port = ntohs(address.sin_port);
  return listener;
}

TEST(ClientSocket, Connects) {
  std::uint16_t port = 0;
  const UniqueFd listener = listen_on_loopback(port);
  ASSERT_EQ(listen(listener.get(), 8), 0);
  for (const char* host : {"127.0.0.1", "localhost", ""}) {
    const Result<UniqueFd> socket = client::connect_to({host, port}, 5000);
    ASSERT_TRUE(socket) << host << ": " << socket.error().message;
    EXPECT_GE(socket->get(), 0);
  }
}

TEST(ClientSocket, SaysWhenNothingListens) {
  std::uint16_t port = 0;
  const UniqueFd bound =
      listen_on_loopback(port);  // bound, so that nobody else gets it; not listening
  const Result<UniqueFd> socket = client::connect_to({"127.0.0.1", port}, 5000);
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().message, HasSubstr("nothing listens on 127.0.0.1:"));
  EXPECT_THAT(socket.error().message, HasSubstr("ringgate dev"));
  EXPECT_EQ(socket.error().exit_code, 1);
  const std::string at = fmt::format("127.0.0.1:{}", port);
  for (const auto& [url, flags] :
       {std::pair{"tcp://" + at, "--tcp "}, std::pair{"ws://" + at + "/", "--ws "},
        std::pair{"tls://" + at, "--tls --tls-tcp "},
        std::pair{"wss://" + at + "/", "--tls --wss "}}) {
    const auto dialled = client::dial(client::parse_target(url).value(), {});
    ASSERT_FALSE(dialled);
    EXPECT_THAT(dialled.error().message, HasSubstr("`ringgate dev " + (flags + at) + "`"));
  }
}

}  // namespace
}  // namespace ringgate
