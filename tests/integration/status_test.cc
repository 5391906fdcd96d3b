// What the status page of a gateway is made of: /status.json.
#include <gmock/gmock.h>
#include <simdjson.h>

#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

struct StatusBench {
  explicit StatusBench(Settings settings = {})
      : bench(with_admin(std::move(settings), std::to_string(port))) {}
  static Settings with_admin(Settings settings, const std::string& port) {
    settings.emplace("AdminPort", port);
    return settings;
  }
  [[nodiscard]] std::string ask(const std::string& target) const {
    Socket socket = Socket::connect(port);
    socket.write_all("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                     "\r\n\r\n");
    std::string text;
    while (socket.read_some(text)) {
    }
    return text;
  }
  // The answer as it was parsed; valid until the next one.
  simdjson::dom::element status(const std::string& query = {}) {
    const std::string answer = ask("/status.json" + query);
    EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 "));
    const std::string body = answer.substr(answer.find("\r\n\r\n") + 4);
    simdjson::dom::element root;
    EXPECT_EQ(parser.parse(body).get(root), simdjson::SUCCESS) << body;
    return root;
  }

  std::uint16_t port = free_port();
  ChatBench bench;
  simdjson::dom::parser parser;
};

std::uint64_t count_at(simdjson::dom::element root, std::string_view pointer) {
  std::uint64_t count = 0;
  EXPECT_EQ(root.at_pointer(pointer).get(count), simdjson::SUCCESS) << pointer;
  return count;
}
std::string text_at(simdjson::dom::element root, std::string_view pointer) {
  std::string_view text;
  EXPECT_EQ(root.at_pointer(pointer).get(text), simdjson::SUCCESS) << pointer;
  return std::string(text);
}
std::size_t size_at(simdjson::dom::element root, std::string_view pointer) {
  simdjson::dom::array array;
  EXPECT_EQ(root.at_pointer(pointer).get(array), simdjson::SUCCESS) << pointer;
  return array.size();
}

TEST(Status, TellsWhatTheProcessIsAndItsServices) {
  StatusBench it;
  Client alice = it.bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  it.bench.chat_link.respond(it.bench.chat_link.request("chat.user.talk"));
  EXPECT_TRUE(alice.next().is_answer(2));
  wait_until("rates of the chat", [&] {
    double answer_ms = -1;
    return it.status().at_pointer("/links/services/0/answerMs").get(answer_ms) ==
               simdjson::SUCCESS &&
           answer_ms >= 0;
  });
  const simdjson::dom::element status = it.status();
  EXPECT_EQ(text_at(status, "/serviceId"), "g1");
  EXPECT_EQ(count_at(status, "/historySeconds"), 600U);
  EXPECT_GT(count_at(status, "/room"), 0U);
  EXPECT_EQ(text_at(status, "/links/services/0/service"), "chat");
  EXPECT_EQ(text_at(status, "/links/services/0/state"), "adult");
  EXPECT_EQ(text_at(status, "/links/services/1/service"), "login");
  EXPECT_EQ(size_at(status, "/heaviest/channels"), 0U) << "nobody has anything queued";
}

// Whoever asks again is told what is new, and nonsense is a mistake.
TEST(Status, GoesOnWhereAnEarlierAnswerEnded) {
  StatusBench it;
  wait_until("some history", [&] { return size_at(it.status(), "/history/samples") >= 2; });
  const simdjson::dom::element all = it.status();
  const std::uint64_t next = count_at(all, "/history/next");
  EXPECT_EQ(size_at(all, "/history/samples"), next);
  const simdjson::dom::element newer = it.status("?since=" + std::to_string(next));
  EXPECT_EQ(size_at(newer, "/history/samples"), count_at(newer, "/history/next") - next);
  EXPECT_THAT(it.ask("/status.json?since=x"), HasSubstr(" 400 "));
  EXPECT_THAT(it.ask("/status.json?until=1"), HasSubstr(" 400 "));
}

TEST(Status, TellsWhomMostWaitsForAndWhyConnectionsEnded) {
  StatusBench it({{"MaxQueuedBytes", "256MiB"}, {"WriteTimeout", "1h"}});
  // Its own small window, so that the kernel does not take what the gateway should queue.
  Client slow{FrameSocket(Socket::connect(it.bench.gateway.port(), 4096)), "slow", {}};
  slow.send(login(token("slow")));
  const Event request = it.bench.link.request("login.signin");
  it.bench.link.respond(request);
  const std::string body(std::size_t{60} * 1024, 'x');
  for (int i = 0; i < 500; ++i) it.bench.chat_link.push("g1", request.header.channelid(), body);
  wait_until("bytes that wait", [&] {
    const simdjson::dom::element status = it.status();
    return size_at(status, "/heaviest/channels") == 1 &&
           count_at(status, "/heaviest/channels/0/queuedBytes") > body.size() &&
           count_at(status, "/heaviest/channels/0/sendingMs") > 0;
  });
  EXPECT_EQ(text_at(it.status(), "/heaviest/channels/0/account"), "slow");
  Client gone = it.bench.log_in("gone");
  gone.frames.socket() = Socket();
  wait_until("the close", [&] { return size_at(it.status(), "/closes") == 1; });
  EXPECT_THAT(text_at(it.status(), "/closes/0/reason"), testing::StartsWith("peer_"));
}

}  // namespace
}  // namespace ringgate::test
