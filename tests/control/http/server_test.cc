// The bounds of the monitor's HTTP server, on real sockets.
#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "control/http/monitor.h"
#include "control/http/workers.h"
#include "tests/common/tcp_peer.h"
#include "tests/control/http/monitor_client.h"

namespace ringgate::test {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

template <class Condition>
[[nodiscard]] bool becomes_true(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// A page whose handler waits until it is let go.
class Gate {
 public:
  http::Reply pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return {200, "passed"};
  }
  void wait_inside(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs),
                                  [&] { return inside_ >= count; }));
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  bool open_ = false;
};

void add_many_numbers(MetricsSnapshot& snapshot) {
  for (int i = 0; i < 2'000; ++i) {
    snapshot.gauge("many", "numbers", {{"number", std::string(1000, '0') + std::to_string(i)}}, 0);
  }
}

std::unique_ptr<http::Monitor> started(const http::Bounds& bounds = {}) {
  return http::Monitor::start("127.0.0.1", 0, {}, bounds).value();
}

// Connections that have sent a part of a request, and each as many more bytes as send_more() is
// called.
struct Drips {
  std::vector<TcpPeer> peers;
  Drips(const http::Monitor& monitor, int count) {
    for (int i = 0; i < count; ++i) {
      peers.push_back(TcpPeer::connect_to(monitor.port()));
      peers.back().send("GET /health HTTP/1.1\r\nX: ");
    }
  }
  void send_more() const {
    for (const TcpPeer& peer : peers) peer.send("x");
  }
};

TEST(HttpServer, DrippingClientsDoNotHoldUpProbes) {
  for (const int count : {4, 300}) {
    const auto monitor = started();
    const Drips drips(*monitor, count);
    for (int i = 0; i < 20; ++i) {
      drips.send_more();
      EXPECT_THAT(health(*monitor), EndsWith("\r\n\r\nok"));
    }
    EXPECT_LE(metric(*monitor, "ringgate_http_connections"), 64);
    EXPECT_GE(metric(*monitor, "ringgate_http_dropped_total", "connections_of_address"),
              count - 64);
  }
}

// Whatever the loop looks at first: the request is there before the connection that wants its
// place.
TEST(HttpServer, WhoHasSentItsRequestKeepsItsPlace) {
  http::Bounds bounds;
  bounds.max_connections_per_address = 4;
  const auto monitor = started(bounds);
  for (int i = 0; i < 200; ++i) {
    std::vector<TcpPeer> peers;
    for (int silent = 0; silent < 4; ++silent) {
      peers.push_back(TcpPeer::connect_to(monitor->port()));
    }
    EXPECT_THAT(health(*monitor), EndsWith("ok"));  // by then they are all accepted
    peers[1].send(request_for("/health"));
    peers.push_back(TcpPeer::connect_to(monitor->port()));
    peers.push_back(TcpPeer::connect_to(monitor->port()));
    EXPECT_THAT(rest_of(peers[1]), EndsWith("ok")) << "round " << i;
  }
}

TEST(HttpServer, WhoHasNotAskedLongestGoesFirst) {
  http::Bounds of_one;
  of_one.max_connections_per_address = 4;
  http::Bounds of_all;
  of_all.max_connections = 4;
  for (const http::Bounds& bounds : {of_one, of_all}) {
    const auto monitor = started(bounds);
    const TcpPeer silent = TcpPeer::connect_to(monitor->port());
    const Drips drips(*monitor, 3);
    EXPECT_TRUE(becomes_true([&] { return metric(*monitor, "ringgate_http_connections") == 4; }));
    EXPECT_THAT(health(*monitor), EndsWith("ok"));
    EXPECT_EQ(rest_of(silent), "") << "it said nothing";
    // The answered one goes before those that still ask.
    EXPECT_THAT(health(*monitor), EndsWith("ok"));
    for (const TcpPeer& peer : drips.peers) {
      peer.send("\r\nHost: a\r\n\r\n");
      EXPECT_THAT(rest_of(peer), EndsWith("ok"));
    }
  }
}

TEST(HttpServer, OneThatIsSentAwayIsToldWhy) {
  http::Bounds bounds;
  bounds.max_connections_per_address = 1;
  const auto monitor = started(bounds);
  const TcpPeer begun = TcpPeer::connect_to(monitor->port());
  begun.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(begun.read(25), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(health(*monitor), EndsWith("ok"));
  EXPECT_THAT(rest_of(begun), StartsWith("HTTP/1.1 503 "));
}

TEST(HttpServer, ARequestHasItsTime) {
  http::Bounds bounds;
  bounds.request_time = 150ms;
  const auto monitor = started(bounds);
  const TcpPeer silent = TcpPeer::connect_to(monitor->port());
  const Drips drips(*monitor, 1);
  // Bytes that go on coming do not prolong it.
  while (!readable(drips.peers[0].fd(), 10)) drips.send_more();
  EXPECT_THAT(rest_of(drips.peers[0]), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(rest_of(silent), "") << "nobody asked";
  EXPECT_GE(metric(*monitor, "ringgate_http_dropped_total", "request_time"), 2);
}

TEST(HttpServer, ReadersThatDoNotReadHoldUpNobodyAndGo) {
  http::Bounds bounds;
  bounds.take_time = 2000ms;
  bounds.max_answer_bytes = 5 * 1024 * 1024;
  const auto monitor =
      http::Monitor::start("127.0.0.1", 0, {{}, {}, add_many_numbers}, bounds).value();
  std::vector<TcpPeer> readers;
  for (int i = 0; i < 10; ++i) {
    readers.push_back(TcpPeer::connect_to(monitor->port()));
    readers.back().send(request_for("/metrics"));
    EXPECT_THAT(health(*monitor), EndsWith("ok"));
  }
  EXPECT_TRUE(becomes_true([&] {
    return metric(*monitor, "ringgate_http_dropped_total", "answer_bytes") +
               metric(*monitor, "ringgate_http_dropped_total", "take_time") >=
           10;
  }));
  EXPECT_THAT(health(*monitor), EndsWith("ok"));
  // Whoever reads gets all of it.
  const std::string whole = ask(*monitor, request_for("/metrics"));
  EXPECT_THAT(whole, HasSubstr("01999\"} 0"));
  EXPECT_THAT(whole, HasSubstr("Content-Length: " +
                               std::to_string(whole.size() - whole.find("\r\n\r\n") - 4) + "\r\n"));
}

TEST(HttpServer, PagesThatWaitHoldUpNoProbeAndNoScrape) {
  const auto monitor = started();
  Gate gate;
  monitor->add_get(
      "/slow", [&](const http::Request&) { return gate.pass(); }, http::Audience::kOperator);
  const std::string slow =
      "GET /slow HTTP/1.1\r\nHost: localhost:" + std::to_string(monitor->port()) + "\r\n\r\n";
  std::vector<TcpPeer> askers;
  for (int i = 0; i < 34; ++i) {
    askers.push_back(TcpPeer::connect_to(monitor->port()));
    askers.back().send(slow);
    if (i == 1) gate.wait_inside(2);
  }
  EXPECT_THAT(health(*monitor), EndsWith("ok"));
  EXPECT_THAT(ask(*monitor, request_for("/metrics")), StartsWith("HTTP/1.1 200 "));
  // Two run and 32 wait; once they do, there is no more.
  EXPECT_TRUE(becomes_true([&] {
    askers.push_back(TcpPeer::connect_to(monitor->port()));
    askers.back().send(slow);
    return readable(askers.back().fd(), 50);
  }));
  EXPECT_THAT(rest_of(askers.back()), StartsWith("HTTP/1.1 503 "));
  gate.open();
  for (int i = 0; i < 34; ++i) {
    EXPECT_THAT(rest_of(askers[static_cast<std::size_t>(i)]), EndsWith("passed"));
  }
}

TEST(HttpServer, AnAnswerHasItsTime) {
  http::Bounds bounds;
  bounds.answer_time = 100ms;
  const auto monitor = started(bounds);
  Gate gate;
  monitor->add_get("/slow", [&](const http::Request&) { return gate.pass(); });
  EXPECT_THAT(ask(*monitor, request_for("/slow")), StartsWith("HTTP/1.1 503 "));
  gate.open();
  EXPECT_THAT(health(*monitor), EndsWith("ok"));
  EXPECT_EQ(metric(*monitor, "ringgate_http_dropped_total", "answer_time"), 1);
}

TEST(HttpServer, StopEndsWhateverClientsDo) {
  http::Bounds bounds;
  bounds.request_time = bounds.answer_time = bounds.take_time = std::chrono::hours(1);
  auto monitor = http::Monitor::start("127.0.0.1", 0, {{}, {}, add_many_numbers}, bounds).value();
  Gate gate;
  monitor->add_get(
      "/slow", [&](const http::Request&) { return gate.pass(); }, http::Audience::kBrowser);
  const TcpPeer slow = TcpPeer::connect_to(monitor->port());
  slow.send("GET /slow HTTP/1.1\r\nHost: localhost:" + std::to_string(monitor->port()) +
            "\r\n\r\n");
  gate.wait_inside(1);
  const TcpPeer reader = TcpPeer::connect_to(monitor->port());
  reader.send(request_for("/metrics"));
  ASSERT_TRUE(readable(reader.fd()));
  const Drips drips(*monitor, 4);
  std::atomic<bool> ended = false;
  std::thread dripping([&] {
    while (!ended) {
      drips.send_more();
      std::this_thread::sleep_for(5ms);
    }
  });
  std::thread stopping([&] {
    monitor->stop();
    ended = true;
  });
  // It waits for the handler that runs, whose answer is still sent.
  EXPECT_TRUE(becomes_true([&] { return !TcpPeer::connected(monitor->port()); }));
  EXPECT_FALSE(ended);
  gate.open();
  EXPECT_THAT(rest_of(slow), EndsWith("passed"));
  EXPECT_TRUE(becomes_true([&] { return ended.load(); }));
  stopping.join();
  dripping.join();
}

TEST(HttpServer, EveryRequestHasItsRightAnswer) {
  const auto monitor = started();
  monitor->add_get(
      "/throws", [](const http::Request&) -> http::Reply { throw std::runtime_error("it broke"); });
  const std::string host = "Host: localhost\r\n\r\n";
  const std::string head = ask(*monitor, request_for("/health", "HEAD"));
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  // What HAProxy asks by default.
  const std::string options = ask(*monitor, "OPTIONS / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(options, StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(options, HasSubstr("Allow: GET, HEAD, POST, OPTIONS\r\n"));
  EXPECT_THAT(ask(*monitor, request_for("*", "OPTIONS")), StartsWith("HTTP/1.1 204 "));
  EXPECT_THAT(ask(*monitor, request_for("/health", "OPTIONS")),
              HasSubstr("Allow: GET, HEAD, OPTIONS\r\n"));
  EXPECT_THAT(ask(*monitor, request_for("/nothing", "OPTIONS")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask(*monitor, request_for("/health", "PUT")), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask(*monitor, request_for("/health", "BREW")), StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(ask(*monitor, request_for("/throws")), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(ask(*monitor, request_for("http://a/health")), EndsWith("ok"));
  EXPECT_THAT(ask(*monitor, request_for("/he%61lth?once=1")), EndsWith("ok"));
  EXPECT_THAT(ask(*monitor, "GET /health HTTP/1.0\n\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask(*monitor, "GET /health HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask(*monitor, std::string(20'000, 'x')), StartsWith("HTTP/1.1 414 "));
  EXPECT_THAT(ask(*monitor, "GET / HTTP/1.1\r\n" + std::string(20'000, 'x')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask(*monitor, "POST /health HTTP/1.1\r\nContent-Length: 9999\r\n" + host +
                                std::string(9999, 'x')),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_GT(metric(*monitor, "ringgate_http_answers_total", "431"), 0);
}

TEST(HttpServer, OneRequestHasOneAnswer) {
  const auto monitor = started();
  const std::string two =
      ask(*monitor, request_for("/health") + request_for("/ready") + std::string(100'000, 'x'));
  EXPECT_EQ(two.find("HTTP/1.1 200", 1), std::string::npos) << two;
  EXPECT_THAT(two, EndsWith("ok"));
  const std::string ranges =
      ask(*monitor, "GET /health HTTP/1.1\r\nHost: a\r\nRange: bytes=0-,0-,0-,0-\r\n\r\n");
  EXPECT_THAT(ranges, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ranges, EndsWith("\r\n\r\nok"));
  // A client that waits for leave to send its body gets it.
  const TcpPeer waits = TcpPeer::connect_to(monitor->port());
  waits.send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(waits.read(25), "HTTP/1.1 100 Continue\r\n\r\n");
  waits.send("ab");
  EXPECT_THAT(rest_of(waits), StartsWith("HTTP/1.1 404 "));
}

TEST(HttpServer, PagesOfOperatorsTakeTheirParametersOnly) {
  const auto monitor = started();
  std::vector<std::string> seen;
  monitor->add_get("/page",
                   [&](const http::Request& request) {
                     seen.push_back(request.query.contains("one") ? request.query.at("one") : "-");
                     return http::Reply{};
                   },
                   http::Audience::kOperator, {"one", "two"});
  monitor->add_post("/bare", [](const http::Request&) { return http::Reply{}; });
  const std::string host =
      " HTTP/1.1\r\nHost: localhost:" + std::to_string(monitor->port()) + "\r\n\r\n";
  EXPECT_THAT(ask(*monitor, "GET /page?one=a%2Cb%2B+%C3%A4&two=" + host),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(*monitor, "GET /page" + host), StartsWith("HTTP/1.1 200"));
  const std::string unknown = ask(*monitor, "GET /page?one=a&three=b" + host);
  EXPECT_THAT(unknown, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(unknown, HasSubstr("it takes one, two\n"));
  EXPECT_THAT(ask(*monitor, "GET /page?One=a" + host), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(*monitor, "GET /page?one=a&one=a" + host), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(*monitor, "POST /bare?one=a" + host), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(*monitor, "POST /bare" + host), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(seen, testing::ElementsAre("a,b+ ä", "-"));
}

TEST(HttpServer, TheTokenMayChangeAtAnyTime) {
  const auto monitor = started();
  monitor->add_get(
      "/page", [](const http::Request&) { return http::Reply{}; }, http::Audience::kOperator);
  const auto ask_with = [&](const std::string& token) {
    return ask(*monitor,
               "GET /page HTTP/1.1\r\nHost: localhost:" + std::to_string(monitor->port()) +
                   "\r\nAuthorization: Bearer " + token + "\r\n\r\n");
  };
  EXPECT_THAT(ask_with("one"), StartsWith("HTTP/1.1 200"));
  monitor->require_token("one");
  EXPECT_THAT(ask_with("one"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask_with("two"), StartsWith("HTTP/1.1 401"));
  std::atomic<bool> ended = false;
  std::thread changing([&] {
    while (!ended) monitor->require_token("three");
  });
  EXPECT_THAT(ask_with("two"), StartsWith("HTTP/1.1 401"));
  EXPECT_TRUE(becomes_true([&] { return ask_with("three").starts_with("HTTP/1.1 200"); }));
  ended = true;
  changing.join();
}

}  // namespace
}  // namespace ringgate::test
