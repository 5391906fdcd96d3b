// Clients that take nothing: they are closed by what they have acknowledged, and not by what the
// kernel has taken for them.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <thread>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

constexpr int kSmallBuffer = 4096;
constexpr std::size_t kPushBytes = 60'000;
constexpr int kPushes = 5;

// `most_unsent`: how much of what it is sent the gateway's kernel takes.
Settings soon(const char* most_unsent) {
  return {{"WriteTimeout", "1s"}, {"MaxUnsentBytes", most_unsent}, {"MaxQueuedBytes", "1MiB"}};
}

// Connected; its own kernel has room for a few kilobytes.
Client deaf_client(const Server& gateway) {
  return {FrameSocket(Socket::connect(gateway.port(), kSmallBuffer)), "deaf", {}};
}

void log_in_and_push(Link& login_service, Client& client) {
  client.send(login(token(client.account)));
  answer_login(login_service, client.account);
  client.channel = client.next().parse<pkt::LoginResp>().channelid();
  const std::string body(kPushBytes, 'p');
  for (int i = 0; i < kPushes; ++i) login_service.push("g1", client.channel, body);
}

void expect_its_end(const Server& gateway, Link& login_service, Client& client) {
  log_in_and_push(login_service, client);
  EXPECT_EQ(login_service.request("login.signout").header.channelid(), client.channel);
  const std::string closed = "ringgate_closed_by_reason_total";
  gateway.wait_metric_is(closed, 1, "reason=\"write_timeout\"");
  EXPECT_EQ(gateway.metric(closed, "reason=\"slow_consumer\""), 0);
}

// Until the gateway's shards know of the link. Who has logged in for that stays.
FrameSocket wait_for_logins(const Server& gateway, Link& login_service) {
  FrameSocket probe;
  wait_until("a login comes through", [&] {
    probe = gateway.connect();
    probe.send(login(token("probe")));
    while (!login_service.has_next(5ms)) {
      if (probe.has_next()) return false;  // it is refused
    }
    answer_login(login_service, "probe");
    return true;
  });
  return probe;
}

// All of it, so that no send is under way and only the kernel knows; and the default.
class WriteTimeout : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Unsent, WriteTimeout, testing::Values("0", "128KiB"), [](const auto& one) {
  return one.param == std::string_view("0") ? "KernelHasAll" : "KernelHasSome";
});

TEST_P(WriteTimeout, ClosesWhoAcknowledgesNothing) {
  Bench bench(soon(GetParam()));
  Client other = bench.log_in("other");
  Client deaf = deaf_client(bench.gateway);
  expect_its_end(bench.gateway, bench.link, deaf);
  other.send(ping());
  EXPECT_EQ(other.next().kind, Event::Kind::kPong);
}

// As after a restart: the kernel has taken the connection before the gateway accepts.
TEST_P(WriteTimeout, IsAlsoOfThoseWhoWaitedForTheGatewayToAccept) {
  const World world;
  const Server gateway(world, "gateway", "g1", soon(GetParam()));
  Client deaf = deaf_client(gateway);
  RawService login_service(world, "login01", "login");
  Link link = login_service.accept();
  const FrameSocket probe = wait_for_logins(gateway, link);
  expect_its_end(gateway, link, deaf);
}

// Its window is shorter than a segment of this machine's, so that the kernel sends by window
// probes, and would end the connection that long after the first of them.
TEST(SlowLine, WhoTakesALittleAllTheTimeStays) {
  Bench bench(soon("128KiB"));
  Client slow = deaf_client(bench.gateway);
  log_in_and_push(bench.link, slow);
  std::array<char, 2048> part;
  for (std::size_t taken = 0; taken < kPushes * kPushBytes;) {
    std::this_thread::sleep_for(40ms);  // its line is as slow as that
    const ssize_t got = recv(slow.frames.socket().fd(), part.data(), part.size(), 0);
    ASSERT_GT(got, 0) << "it was closed after " << taken << " bytes";
    taken += static_cast<std::size_t>(got);
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "reason=\"write_timeout\""), 0);
}

}  // namespace
}  // namespace ringgate::test
