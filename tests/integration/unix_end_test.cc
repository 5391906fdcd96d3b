// The end of a client of a unix: listener is seen when it happens, on either ring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tests/common/temp_dir.h"
#include "tests/integration/log_bench.h"

namespace ringgate::test {
namespace {

class UnixEnd : public testing::TestWithParam<const char*> {
 protected:
  UnixEnd() { unsetenv("RINGGATE_RING"); }  // it would win over what is configured here
};

FrameSocket pinged(Socket socket) {
  FrameSocket client(std::move(socket));
  client.send(ping());
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  return client;
}

// Of the connections that have ended, in the order in which their shard saw it.
std::vector<std::string> peers_of_ends(const LogFile& file) {
  std::vector<std::string> peers;
  for (LogLine& line : file.lines()) {
    if (line["event"] == "ended") peers.push_back(line["peer"]);
  }
  return peers;
}

// One closes, then one that is connected over TCP: they are seen in this order, so the first is
// seen no later than what everybody relies on.
TEST_P(UnixEnd, IsSeenBeforeThatOfATcpClientWhichClosedAfterIt) {
  const TempDir folder;
  const std::string path = (folder.path() / "g.sock").string();
  const LogBench bench{{{"Listen", R"(["127.0.0.1:0", "unix:)" + path + R"("])"},
                        {"Ring", GetParam()},
                        {"Shards", "1"},
                        {"LogLevel", "debug"},
                        {"LogDebugPerSecond", "100000"}}};
  constexpr std::size_t kRounds = 30;
  for (std::size_t round = 1; round <= kRounds; ++round) {
    FrameSocket local = pinged(connect_unix(path));
    FrameSocket tcp = pinged(Socket::connect(bench.gateway.port()));
    local.socket().close();
    tcp.socket().close();
    wait_until("both ends", [&] { return peers_of_ends(bench.file).size() == 2 * round; });
    const std::vector<std::string> peers = peers_of_ends(bench.file);
    EXPECT_THAT(peers[2 * round - 2], testing::Not(testing::StartsWith("127.0.0.1:"))) << round;
    EXPECT_THAT(peers[2 * round - 1], testing::StartsWith("127.0.0.1:")) << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Rings, UnixEnd, testing::Values("io_uring", "epoll"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace ringgate::test
