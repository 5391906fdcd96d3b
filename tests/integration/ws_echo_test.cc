// `ringgate wsecho` as a process: what it echoes, how it ends, what it says when it cannot start.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/integration/command_run.h"
#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

struct Echo {
  explicit Echo(std::vector<std::string> more = {})
      : process([&more] {
          std::vector<std::string> words = {"wsecho", "--listen", "127.0.0.1:0"};
          words.insert(words.end(), more.begin(), more.end());
          return ProcessUnderTest::ringgate(words);
        }()) {
    const std::string line = process.wait_for_line("listening ws 127.0.0.1:");
    port = static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
  }
  ProcessUnderTest process;
  std::uint16_t port = 0;
};

TEST(WsEchoCommand, EchoesTextAndBinaryWholeAndReassembled) {
  Echo echo;
  WsSocket client = WsSocket::open(echo.port, {"Origin: https://anywhere.example"});
  std::string large(1024 * 1024, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 13 + i / 257);
  for (const std::string& message :
       {std::string(), std::string("gr\xc3\xbc\xc3\x9f dich"), std::string(125, 'a'),
        std::string(126, 'b'), std::string(65'536, 'c')}) {
    client.send(ws_frame(Opcode::kText, message));
    const Arrival text = client.next();
    EXPECT_EQ(text.opcode, Opcode::kText);
    EXPECT_TRUE(text.payload == message) << message.size();
  }
  client.send(ws_frame(Opcode::kBinary, large));
  const Arrival binary = client.next();
  EXPECT_EQ(binary.opcode, Opcode::kBinary);
  EXPECT_TRUE(binary.payload == large);
  client.send(ws_frame(Opcode::kBinary, large.substr(0, 500'000), false) +
              ws_frame(Opcode::kPing, "between") +
              ws_frame(Opcode::kContinuation, large.substr(500'000)));
  EXPECT_EQ(client.next().payload, "between");
  EXPECT_TRUE(client.next().payload == large);
  // What is a heartbeat to a gateway is a message like others here.
  client.send_packets(ping());
  EXPECT_EQ(client.next().payload, ping().substr(kTcpFrameHeadBytes));
  client.send(ws_close(1000, "bye"));
  expect_closed(client, WsCloseCode::kNormal, "");
}

TEST(WsEchoCommand, AMessageAbove16MiBIsClosedWith1009) {
  Echo echo;
  WsSocket client = WsSocket::open(echo.port);
  client.send(ws_frame_head(Opcode::kBinary, 16 * 1024 * 1024 + 1));
  expect_closed(client, WsCloseCode::kTooBig, "frame_too_long");
}

TEST(WsEchoCommand, SigtermClosesWith1001AndExitsZero) {
  Echo echo({"--shards", "2"});
  std::vector<WsSocket> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(WsSocket::open(echo.port));
    clients.back().send(ws_frame(Opcode::kText, "here"));
    EXPECT_EQ(clients.back().next().payload, "here");
  }
  echo.process.signal(SIGTERM);
  for (WsSocket& client : clients) {
    expect_closed(client, WsCloseCode::kGoingAway, "draining");
    client.socket().close();
  }
  EXPECT_EQ(echo.process.wait_exit(), 0);
}

TEST(WsEchoCommand, SigtermWithoutClientsExitsZero) {
  Echo echo;
  echo.process.signal(SIGTERM);
  EXPECT_EQ(echo.process.wait_exit(), 0);
}

// Nobody has to answer, or even to be there.
TEST(WsEchoCommand, SigtermDoesNotWaitForClientsThatDoNotGo) {
  Echo echo;
  WsSocket silent = WsSocket::open(echo.port);
  WsSocket upgrading(Socket::connect(echo.port));
  upgrading.send("GET / HTTP/1.1\r\n");
  echo.process.signal(SIGTERM);
  EXPECT_EQ(echo.process.wait_exit(), 0);
  expect_closed(silent, WsCloseCode::kGoingAway, "draining");
}

TEST(WsEchoCommand, ATakenPortIsASentenceAndCode1) {
  const Listener taken;
  const std::string port = std::to_string(taken.port());
  const Ended ended = run({"wsecho", "--listen", "127.0.0.1:" + port});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(ended.output.starts_with("ringgate: ")) << ended.output;
  EXPECT_EQ(std::ranges::count(ended.output, '\n'), 1) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr(port));
}

TEST(WsEchoCommand, HelpSaysWhatItIs) {
  const Ended ended = run({"wsecho", "--help"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.output, HasSubstr("--listen"));
  EXPECT_THAT(ended.output, HasSubstr("16 MiB"));
}

TEST(WsEchoCommand, ABadListenIsASentenceAndCode2) {
  for (const char* const listen :
       {"nonsense", "127.0.0.1:99999", "wss://127.0.0.1:0/", "http://127.0.0.1:0/", ""}) {
    const Ended ended = run({"wsecho", "--listen", listen});
    EXPECT_EQ(ended.code, 2) << listen << ": " << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("--listen"));
  }
  EXPECT_EQ(run({"wsecho", "--nonsense"}).code, 2);
}

}  // namespace
}  // namespace ringgate::test
