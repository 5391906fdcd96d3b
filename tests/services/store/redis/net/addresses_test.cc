// A Redis whose name has several addresses.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <poll.h>

#include <string>

#include "dataplane/clock.h"
#include "services/store/redis/connection.h"
#include "tests/common/black_hole.h"
#include "tests/services/store/redis/fake.h"

// In place of the C library's: "redis.test" has two addresses in this order.
extern "C" int getaddrinfo(const char* host, const char* port, const addrinfo* hints,
                           addrinfo** found) {
  using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));
  const std::string name = host == nullptr ? "" : host;
  if (name != "redis.test") return real(host, port, hints, found);
  if (const int failed = real("127.0.0.9", port, hints, found); failed != 0) return failed;
  return real("127.0.0.1", port, hints, &(*found)->ai_next);
}

namespace ringgate {
namespace {

TEST(RedisConnection, AnAddressThatSwallowsEverythingDoesNotHideTheNext) {
  const FakeRedis redis(FakeRedis::well);
  const test::BlackHole hole("127.0.0.9", redis.port());
  RedisStoreOptions options;
  options.timeout_ms = 100;
  options.reconnect_min_ms = 1;
  bool is_connected = false;
  RedisNames names{std::chrono::milliseconds(options.timeout_ms)};
  RedisConnection connection({options, names, nullptr}, {[&] { is_connected = true; }, {}});
  connection.use({{{"redis.test", redis.port()}, {}, {}}});
  const std::uint64_t end = Clock::monotonic_ms() + 20'000;
  while (!is_connected && Clock::monotonic_ms() < end) {
    pollfd files[2] = {{connection.fd(), connection.events(), 0}, {names.fd(), POLLIN, 0}};
    poll(files, 2, 5);
    names.turn();
    connection.turn(connection.fd() == files[0].fd ? files[0].revents : short{0},
                    Clock::monotonic_ms());
  }
  EXPECT_TRUE(is_connected);
}

}  // namespace
}  // namespace ringgate
