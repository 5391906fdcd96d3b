// A chat service over a real Redis, which answers logins, too.
#pragma once

#include <string>

#include "tests/integration/raw_service.h"
#include "tests/integration/world.h"
#include "tests/services/store/redis/server.h"

namespace ringgate::test {

struct SessionsWorld {
  explicit SessionsWorld(const std::string& messages = "memory")
      : chat(world, "chat", "chat01",
             {{"RedisAddrs", "127.0.0.1:" + std::to_string(redis.port())},
              {"GatewayLease", "1s"},
              {"MessageStore", messages}}) {}

  static Settings gateways(Settings settings = {}) {
    settings.emplace("RollCallBeat", "100ms");
    settings.emplace("Routes", "{login: chat}");
    return settings;
  }
  // Whether a talk reaches the receiver: until then it is as if nobody were there.
  static bool reaches(Client& from, Client& to) {
    from.send(talk(to.account, "hello", 7));
    static_cast<void>(from.next());
    if (!to.frames.has_next(50ms)) return false;
    static_cast<void>(to.next());
    return true;
  }
  long long keys(const std::string& pattern) { return count_keys(redis, pattern); }
  static long long count_keys(RedisServer& redis, const std::string& pattern) {
    return redis.ask_number({"EVAL", "return #redis.call('KEYS', ARGV[1])", "0", pattern});
  }

  World world;
  RedisServer redis;
  Server chat;
};

}  // namespace ringgate::test
