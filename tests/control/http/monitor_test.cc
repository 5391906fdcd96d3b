#include "control/http/monitor.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "control/base/address.h"
#include "control/observe/metrics.h"
#include "dataplane/port_taken.h"

namespace ringgate {
namespace {

void add_numbers(MetricsSnapshot& snapshot) {
  snapshot.gauge("answer", "The answer", {}, 42);
  if (snapshot.per_shard()) snapshot.gauge("detail", "More of it", {{"shard", "0"}}, 1);
}

struct Wellbeing {
  std::mutex mutex;
  std::optional<std::string> health;
  std::optional<std::string> ready;
  std::vector<std::string> warnings;
};

http::Probes probes_of(Wellbeing& state) {
  return {[&state] {
            const std::lock_guard lock(state.mutex);
            return state.health;
          },
          [&state] {
            const std::lock_guard lock(state.mutex);
            return state.ready;
          },
          add_numbers,
          [&state] {
            const std::lock_guard lock(state.mutex);
            return state.warnings;
          }};
}

httplib::Result get(const http::Monitor& monitor, const std::string& path,
                    const httplib::Headers& headers = {}) {
  httplib::Client client("127.0.0.1", monitor.port());
  return client.Get(path, headers);
}

// What a request for `path` with this Host header is answered with.
int status_for_host(const http::Monitor& monitor, const std::string& path,
                    const std::string& host) {
  const auto reply = get(monitor, path, {{"Host", host}});
  return reply ? reply->status : -1;
}

TEST(Monitor, WarningsStandBelowWhatReadySays) {
  Wellbeing state;
  state.warnings = {"a certificate ends soon", "another, too"};
  auto monitor = http::Monitor::start("127.0.0.1", 0, probes_of(state));
  ASSERT_TRUE(monitor) << monitor.error().message;
  auto ready = get(**monitor, "/ready");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->status, 200);
  EXPECT_EQ(ready->body, "ok\nwarning: a certificate ends soon\nwarning: another, too\n");
  EXPECT_EQ(get(**monitor, "/health")->body, "ok");
  {
    const std::lock_guard lock(state.mutex);
    state.ready = "no login service";
    state.warnings.pop_back();
  }
  ready = get(**monitor, "/ready");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->status, 503);
  EXPECT_EQ(ready->body, "no login service\nwarning: a certificate ends soon\n");
}

TEST(Monitor, AnswersProbesAndMetrics) {
  Wellbeing state;
  auto monitor = http::Monitor::start("127.0.0.1", 0, probes_of(state));
  ASSERT_TRUE(monitor) << monitor.error().message;
  http::Monitor& port = **monitor;
  ASSERT_NE(port.port(), 0);

  auto health = get(port, "/health");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  EXPECT_EQ(health->body, "ok");
  {
    const std::lock_guard lock(state.mutex);
    state.health = "shard 1 does not answer";
    state.ready = "no login service";
  }
  health = get(port, "/health");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 503);
  EXPECT_EQ(health->body, "shard 1 does not answer\n");
  const auto ready = get(port, "/ready");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->status, 503);
  EXPECT_EQ(ready->body, "no login service\n");

  const auto metrics = get(port, "/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->status, 200);
  EXPECT_NE(metrics->body.find("answer 42"), std::string::npos) << metrics->body;
  EXPECT_NE(metrics->get_header_value("Content-Type").find("version=0.0.4"), std::string::npos);

  const auto none = get(port, "/nothing");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->status, 404);
}

// Probes and scrapers add parameters of their own; so does who asks for the head alone.
TEST(Monitor, ProbesIgnoreParametersAndAnswerHead) {
  Wellbeing state;
  auto monitor = http::Monitor::start("127.0.0.1", 0, probes_of(state));
  ASSERT_TRUE(monitor) << monitor.error().message;
  httplib::Client client("127.0.0.1", (*monitor)->port());
  for (const char* const path : {"/health", "/ready", "/metrics"}) {
    const std::string asked = std::string(path) + "?x=1&x=2";
    const auto plain = client.Get(path);
    const auto with = client.Get(asked);
    const auto head = client.Head(asked);
    ASSERT_TRUE(plain && with && head) << path;
    EXPECT_EQ(with->status, 200) << path;
    EXPECT_EQ(with->body, plain->body) << path;
    EXPECT_EQ(head->status, 200) << path;
    EXPECT_TRUE(head->body.empty()) << path;
    EXPECT_EQ(head->get_header_value("Content-Length"), std::to_string(plain->body.size())) << path;
  }
}

TEST(Monitor, HandlersCanBeAddedLater) {
  auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  EXPECT_EQ(get(*monitor, "/links")->status, 404);
  monitor->add_get("/links", [](const http::Request& request) {
    return http::Reply{201, request.path + " " + request.query.at("id"), "text/x-links"};
  });
  const auto reply = get(*monitor, "/links?id=7&id=8&more");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "/links 7");
  EXPECT_EQ(get(*monitor, "/health")->body, "ok");  // No probe: well.
  EXPECT_EQ(get(*monitor, "/metrics")->status, 200);
}

TEST(Monitor, APageMayBeForAllPathsBelowIt) {
  auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  monitor->add_get("/things/*", [](const http::Request& request) {
    return http::Reply{200, "any of " + request.path};
  });
  monitor->add_get("/things/own", [](const http::Request&) { return http::Reply{200, "its own"}; });
  EXPECT_EQ(get(*monitor, "/things/a")->body, "any of /things/a");
  EXPECT_EQ(get(*monitor, "/things/a/b%2Fc%20d")->body, "any of /things/a/b/c d");
  EXPECT_EQ(get(*monitor, "/things/own")->body, "its own");
  for (const char* const path : {"/things", "/things/", "/thingsa", "/", "/a/things/a"}) {
    EXPECT_EQ(get(*monitor, path)->status, 404) << path;
  }
}

TEST(Monitor, KnowsItsPortBeforeItServes) {
  auto monitor = http::Monitor::bind("127.0.0.1", 0).value();
  ASSERT_NE(monitor->port(), 0);
  EXPECT_FALSE(http::Monitor::bind("127.0.0.1", monitor->port()));

  // Who comes early waits for the answer.
  monitor->add_get("/early", [&](const http::Request&) { return http::Reply{200, "patience"}; });
  const auto address = numeric_address({"127.0.0.1", monitor->port()});
  const int early = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(early, 0);
  ASSERT_EQ(connect(early, address->get(), address->length), 0);
  const std::string request = "GET /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(send(early, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  monitor->serve();
  std::string text(4096, '\0');
  const ssize_t taken = recv(early, text.data(), text.size(), 0);
  ASSERT_GT(taken, 0);
  text.resize(static_cast<std::size_t>(taken));
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200")) << text;
  close(early);
}

TEST(Monitor, WithoutServingThePortIsFreedToo) {
  auto monitor = http::Monitor::bind("127.0.0.1", 0).value();
  const std::uint16_t port = monitor->port();
  monitor.reset();
  EXPECT_TRUE(http::Monitor::bind("127.0.0.1", port));
}

// DNS rebinding: a foreign site's name that points at 127.0.0.1 must not read what operators may.
TEST(Monitor, PagesOfOperatorsAreOnlyForLocalHostHeaders) {
  auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  ASSERT_TRUE(monitor->on_loopback());
  monitor->add_get(
      "/secret", [](const http::Request&) { return http::Reply{200, "told"}; },
      http::Audience::kOperator);
  const std::string port = std::to_string(monitor->port());
  for (const std::string& host :
       {"127.0.0.1:" + port, "localhost:" + port, "LocalHost:" + port, "[::1]:" + port}) {
    EXPECT_EQ(status_for_host(*monitor, "/secret", host), 200) << host;
  }
  for (const std::string& host :
       {std::string("127.0.0.1"), std::string("localhost"), "evil.example:" + port,
        std::string("evil.example"), "127.0.0.1.evil.example:" + port, "localhost:" + port + "0",
        "localhost:" + port + "@evil.example", "127.0.0.2:" + port, std::string()}) {
    EXPECT_EQ(status_for_host(*monitor, "/secret", host), 403) << host;
    EXPECT_EQ(status_for_host(*monitor, "/health", host), 200) << host;
  }
  const httplib::Headers two = {{"Host", "127.0.0.1:" + port}, {"Host", "evil.example"}};
  EXPECT_EQ(get(*monitor, "/secret", two)->status, 400);
  EXPECT_EQ(get(*monitor, "/secret", two)->body.find("told"), std::string::npos);
}

// Whoever listens elsewhere has chosen to; by which name it is reached, it cannot know.
TEST(Monitor, OnOtherAddressesAnyHostIsAnswered) {
  auto monitor = http::Monitor::start("0.0.0.0", 0, {}).value();
  EXPECT_FALSE(monitor->on_loopback());
  monitor->add_get(
      "/page", [](const http::Request&) { return http::Reply{200, "shown"}; },
      http::Audience::kOperator);
  EXPECT_EQ(status_for_host(*monitor, "/page", "gateway.example"), 200);
}

TEST(Monitor, PagesOfOperatorsStayInTheirOrigin) {
  auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  monitor->add_get(
      "/data", [](const http::Request&) { return http::Reply{200, "{}", "application/json"}; },
      http::Audience::kOperator);
  monitor->add_get(
      "/page",
      [](const http::Request&) {
        return http::Reply{
            200, "", "text/html", {{"Content-Security-Policy", "script-src 'self'"}}};
      },
      http::Audience::kOperator);
  const auto data = get(*monitor, "/data");
  ASSERT_TRUE(data);
  EXPECT_EQ(data->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(data->get_header_value("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(data->get_header_value("Cache-Control"), "no-store");
  EXPECT_EQ(data->get_header_value("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(data->get_header_value("Cross-Origin-Resource-Policy"), "same-origin");
  EXPECT_EQ(data->get_header_value("Content-Security-Policy"),
            "default-src 'none'; frame-ancestors 'none'");
  EXPECT_FALSE(data->has_header("Access-Control-Allow-Origin"));
  const auto page = get(*monitor, "/page");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->get_header_value_count("Content-Security-Policy"), 1U);
  EXPECT_EQ(page->get_header_value("Content-Security-Policy"), "script-src 'self'");
}

TEST(Monitor, APostIsForItsPathAndItsOrigin) {
  auto monitor = http::Monitor::start("127.0.0.1", 0, http::Probes{});
  ASSERT_TRUE(monitor);
  int done = 0;
  (*monitor)->add_post("/do",
                       [&done](const http::Request& request) {
                         ++done;
                         return http::Reply{200, request.query.at("what")};
                       },
                       {"what"});
  (*monitor)->add_get("/see", [](const http::Request&) { return http::Reply{200, "seen"}; });
  httplib::Client client("127.0.0.1", (*monitor)->port());
  const std::string host = "127.0.0.1:" + std::to_string((*monitor)->port());
  const auto post = [&](const std::string& path, const httplib::Headers& headers) {
    const auto reply = client.Post(path, headers, "", "text/plain");
    return reply ? reply->status : -1;
  };
  EXPECT_EQ(post("/do?what=it", {}), 200);
  EXPECT_EQ(post("/do?what=it", {{"Origin", "http://" + host}}), 200);
  EXPECT_EQ(done, 2);
  EXPECT_EQ(post("/do?what=it", {{"Origin", "http://evil.example"}}), 403);
  EXPECT_EQ(post("/do?what=it", {{"Origin", "null"}}), 403);
  EXPECT_EQ(post("/do?what=it", {{"Host", "evil.example"}}), 403);
  EXPECT_EQ(post("/see", {}), 405);
  EXPECT_EQ(get(**monitor, "/do?what=it")->status, 405);
  EXPECT_EQ(get(**monitor, "/do?what=it")->get_header_value("Allow"), "POST, OPTIONS");
  EXPECT_EQ(done, 2);
}

TEST(Monitor, OperatorsBearTheTokenAndBrowsersNeedNone) {
  auto monitor = http::Monitor::bind("127.0.0.1", 0);
  ASSERT_TRUE(monitor);
  (*monitor)->require_token("s3cret");
  const auto page = [](const http::Request&) { return http::Reply{200, "page"}; };
  (*monitor)->add_get("/operator", page, http::Audience::kOperator);
  (*monitor)->add_get("/browser", page, http::Audience::kBrowser);
  (*monitor)->add_get("/anyone", page);
  (*monitor)->serve();
  EXPECT_EQ(get(**monitor, "/anyone")->status, 200);
  EXPECT_EQ(get(**monitor, "/browser")->status, 200);
  EXPECT_EQ(get(**monitor, "/operator")->status, 401);
  for (const char* const wrong : {"Bearer s3cre", "Bearer s3cretx", "Bearer S3cret", "s3cret"}) {
    EXPECT_EQ(get(**monitor, "/operator", {{"Authorization", wrong}})->status, 401) << wrong;
  }
  EXPECT_EQ(get(**monitor, "/operator", {{"Authorization", "Bearer s3cret"}})->status, 200);
}

// Clients that connect and keep silent must not be able to hold up a probe for ever.
TEST(Monitor, SilentClientsDoNotBlockProbes) {
  auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  const auto address = numeric_address({"127.0.0.1", monitor->port()});
  std::vector<int> silent;
  for (int i = 0; i < 5; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(connect(fd, address->get(), address->length), 0);
    silent.push_back(fd);
  }
  httplib::Client client("127.0.0.1", monitor->port());
  client.set_read_timeout(20);
  const auto health = client.Get("/health");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  for (const int fd : silent) close(fd);
}

TEST(Monitor, ATakenPortIsAnError) {
  auto first = http::Monitor::start("127.0.0.1", 0, {});
  ASSERT_TRUE(first);
  const auto second = http::Monitor::start("127.0.0.1", (*first)->port(), {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
  EXPECT_NE(second.error().message.find(std::to_string((*first)->port())), std::string::npos);
  EXPECT_NE(second.error().message.find(how_to_free((*first)->port())), std::string::npos)
      << second.error().message;

  // Also when the other one would share it.
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  socklen_t length = sizeof any;
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&any), &length), 0);
  EXPECT_FALSE(http::Monitor::start("127.0.0.1", ntohs(any.sin_port), {}));
  close(fd);
}

TEST(Monitor, AWrongAddressIsAnError) {
  const auto monitor = http::Monitor::start("203.0.113.1", 0, {});
  ASSERT_FALSE(monitor);
  EXPECT_NE(monitor.error().message.find("203.0.113.1"), std::string::npos);
}

TEST(Monitor, StopFreesThePortAndEndsHandlers) {
  auto monitor = http::Monitor::start("127.0.0.1", 0, {}).value();
  const std::uint16_t port = monitor->port();
  EXPECT_TRUE(get(*monitor, "/health"));
  monitor->stop();
  EXPECT_FALSE(get(*monitor, "/health"));
  monitor->stop();
  EXPECT_TRUE(http::Monitor::start("127.0.0.1", port, {}));
}

}  // namespace
}  // namespace ringgate
