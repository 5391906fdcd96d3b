// The whole client over real sockets, against a scripted WebSocket server.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <future>
#include <string>

#include "services/client/loop.h"
#include "services/client/socket.h"
#include "services/client/ws_transport.h"
#include "services/client/ws_upgrade.h"
#include "tests/services/client/ws_gateway.h"

namespace ringgate {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr int kTimeoutMs = 20'000;

// A file in memory that takes what the client prints.
class Printed {
 public:
  int get() const noexcept { return fd_.get(); }
  std::string text() const {
    std::string text(static_cast<std::size_t>(lseek(fd_.get(), 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(fd_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

 private:
  UniqueFd fd_{memfd_create("printed", MFD_CLOEXEC)};
};

class ClientWsTest : public ::testing::Test {
 protected:
  ClientWsTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    input_.reset(ends[0]);
    keyboard_.reset(ends[1]);
  }

  // Dials, upgrades and runs as the subcommand does; -1 when there is no upgrade.
  void start() {
    code_ = std::async(std::launch::async, [this] {
      const WsUrl url{{"127.0.0.1", gateway_.port()}, "/"};
      Result<UniqueFd> socket = client::connect_to(url.endpoint, kTimeoutMs);
      if (!socket) return -1;
      client::Stream stream(std::move(*socket));
      const Result<std::string> rest = client::upgrade_to_ws(stream, url, kTimeoutMs);
      if (!rest) {
        refusal_ = rest.error().message;
        return -1;
      }
      const client::Descriptors descriptors{
          .input = input_.get(), .output = output_.get(), .problems = problems_.get()};
      return client::run(
          descriptors, {std::move(stream), client::make_ws_transport(*rest)},
          [](const std::string&) -> Result<client::Dialled> {
            return run_error("nobody is there");
          },
          "alice", "a.b.c");
    });
  }

  void start_logged_in() {
    start();
    gateway_.upgrade();
    const Sent login = gateway_.next();
    EXPECT_EQ(login.header.command(), "login.signin");
    gateway_.put(as_ws(login_answer(login.header.sequence())));
  }

  void type(std::string_view lines) const {
    EXPECT_EQ(write(keyboard_.get(), lines.data(), lines.size()),
              static_cast<ssize_t>(lines.size()));
  }

  WsGateway gateway_;
  UniqueFd input_;
  UniqueFd keyboard_;
  Printed output_;
  Printed problems_;
  std::string refusal_;
  std::future<int> code_;
};

TEST_F(ClientWsTest, RunsAScriptToItsEnd) {
  start_logged_in();
  type("ping\ntalk bob hello\necho there\nquit\nping\n");
  EXPECT_TRUE(gateway_.next().ping);
  const Sent talk = gateway_.next();
  EXPECT_EQ(talk.header.command(), "chat.user.talk");
  const Sent echo = gateway_.next();
  EXPECT_EQ(echo.body, "there");
  gateway_.put(as_ws(pong()) + as_ws(talk_answer(talk.header.sequence())) +
               as_ws(response(echo.header.sequence(), echo.body)));
  EXPECT_EQ(close_code_in(gateway_.next_frame()), WsCloseCode::kNormal) << "nothing after quit";
  gateway_.put(ws_close(WsCloseCode::kNormal));
  EXPECT_EQ(code_.get(), 0);
  EXPECT_THAT(output_.text(),
              MatchesRegex("logged in as alice, channel g1_alice_7\npong [0-9]+\\.[0-9][0-9] ms\n"
                           "sent to bob: message id 12345, sent 2026-01-02T03:04:05.678Z\n"
                           "echo: there\n"));
  EXPECT_EQ(problems_.text(), "");
}

TEST_F(ClientWsTest, TakesTheEndOfTheInputForQuit) {
  start_logged_in();
  type("echo no line end");
  keyboard_.reset();
  const Sent echo = gateway_.next();
  gateway_.put(as_ws(response(echo.header.sequence(), echo.body)));
  EXPECT_EQ(close_code_in(gateway_.next_frame()), WsCloseCode::kNormal);
  gateway_.hang_up();
  EXPECT_EQ(code_.get(), 0);
  EXPECT_THAT(output_.text(), HasSubstr("echo: no line end\n"));
}

TEST_F(ClientWsTest, PrintsAndAcknowledgesWhatIsPushed) {
  start_logged_in();
  const std::string push = as_ws(talk_push("in two fragments"));
  const std::string packet = push.substr(2);
  gateway_.put(ws_frame(Opcode::kBinary, packet.substr(0, 7), false) +
               ws_frame(Opcode::kPing, "still there?") +
               ws_frame(Opcode::kContinuation, packet.substr(7)));
  const WsSent pong = gateway_.next_frame();
  EXPECT_EQ(pong.opcode, Opcode::kPong);
  EXPECT_EQ(pong.payload, "still there?");
  EXPECT_EQ(gateway_.next().header.command(), "chat.talk.ack");
  gateway_.put(ws_close(WsCloseCode::kGoingAway, "the gateway is shutting down"));
  EXPECT_EQ(close_code_in(gateway_.next_frame()), WsCloseCode::kGoingAway);
  EXPECT_EQ(code_.get(), 1);
  EXPECT_THAT(output_.text(), HasSubstr("from bob: in two fragments (message id 99)\n"));
  EXPECT_EQ(problems_.text(),
            "the gateway closed the connection: 1001 the gateway is shutting down\n");
}

TEST_F(ClientWsTest, KeepsAFrameThatCameWithTheUpgrade) {
  start();
  gateway_.upgrade({}, as_ws(talk_push("very early")));
  EXPECT_EQ(gateway_.next().header.command(), "login.signin");
  gateway_.next();  // the acknowledgement
  gateway_.hang_up();
  EXPECT_EQ(code_.get(), 1);
  EXPECT_THAT(output_.text(), HasSubstr("from bob: very early"));
  EXPECT_EQ(problems_.text(), "the gateway closed the connection before it answered the login\n");
}

TEST_F(ClientWsTest, SaysWhyTheLoginWasRefused) {
  start();
  gateway_.upgrade();
  const Sent login = gateway_.next();
  gateway_.put(as_ws(response(login.header.sequence(), "", Status::kUnauthorized)) +
               ws_close(WsCloseCode::kPolicyViolation, "the login was refused"));
  EXPECT_EQ(gateway_.next_frame().opcode, Opcode::kClose);
  EXPECT_EQ(code_.get(), 1);
  EXPECT_EQ(output_.text(), "");
  EXPECT_EQ(problems_.text(), "the login failed: the token was refused (status 105)\n");
}

TEST_F(ClientWsTest, EndsWhenTheAccountLogsInElsewhere) {
  start_logged_in();
  gateway_.put(as_ws(packet({.command = "login.signin", .flag = Flag::kPush}, "")) +
               ws_close(WsCloseCode::kPolicyViolation, "kicked out"));
  EXPECT_EQ(gateway_.next_frame().opcode, Opcode::kClose);
  EXPECT_EQ(code_.get(), 1);
  EXPECT_EQ(problems_.text(),
            "this account logged in elsewhere; the gateway closed this session\n");
}

TEST_F(ClientWsTest, EndsOverAFrameThatBreaksTheProtocol) {
  start_logged_in();
  gateway_.put(ws_frame(Opcode::kText, "hello"));
  EXPECT_EQ(close_code_in(gateway_.next_frame()), WsCloseCode::kUnsupportedData);
  EXPECT_EQ(code_.get(), 1);
  EXPECT_EQ(problems_.text(),
            "the gateway broke the WebSocket protocol: it sent text, and packets are binary\n");
}

// --- No upgrade ---------------------------------------------------------------------------------

TEST_F(ClientWsTest, SaysWhyTheUpgradeWasRefused) {
  start();
  gateway_.upgrade({.path = "/elsewhere", .allowed_origins = {}, .subprotocol = {}});
  EXPECT_EQ(code_.get(), -1);
  EXPECT_THAT(refusal_, HasSubstr("refused with 404 Not Found: "));
}

TEST_F(ClientWsTest, ReadsARefusalUpToTheEnd) {
  start();
  gateway_.take_request();
  gateway_.put("HTTP/1.0 502 Bad Gateway\r\n\r\nthe proxy found nobody");
  gateway_.hang_up();
  EXPECT_EQ(code_.get(), -1);
  EXPECT_EQ(refusal_,
            "the WebSocket upgrade was refused with 502 Bad Gateway: the proxy found nobody");
}

TEST_F(ClientWsTest, SaysWhenTheConnectionEndsBeforeTheAnswer) {
  start();
  gateway_.take_request();
  gateway_.hang_up();
  EXPECT_EQ(code_.get(), -1);
  EXPECT_THAT(refusal_, HasSubstr("closed the connection without an answer"));
}

TEST_F(ClientWsTest, DoesNotWaitForEverForAnAnswer) {
  const WsUrl url{{"127.0.0.1", gateway_.port()}, "/"};
  Result<UniqueFd> socket = client::connect_to(url.endpoint, kTimeoutMs);
  ASSERT_TRUE(socket);
  client::Stream stream(std::move(*socket));
  const Result<std::string> rest = client::upgrade_to_ws(stream, url, 1);
  ASSERT_FALSE(rest);
  EXPECT_THAT(rest.error().message, HasSubstr("in time"));
}

}  // namespace
}  // namespace ringgate
