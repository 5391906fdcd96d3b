// A store of several servers that share the keys: three real ones, and a replica of the first.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "services/store/redis/servers/slots.h"
#include "tests/common/free_port.h"
#include "tests/common/temp_dir.h"
#include "tests/services/store/redis/chat.h"
#include "tests/services/store/redis/server.h"
#include "tests/services/store/redis/until.h"

namespace ringgate {

inline constexpr std::size_t kPrimaries = 3;
inline constexpr std::size_t kReplica = 3;  // of the first
inline constexpr std::size_t kSlotsEach = kRedisSlots / kPrimaries;

struct RedisClusterTest : testing::Test {
  RedisClusterTest() {
    for (std::size_t i = 0; i <= kReplica; ++i) {
      bus.push_back(std::to_string(test::free_port()));
      const std::string conf = dir.path() / ("nodes" + std::to_string(i));
      servers.push_back(std::make_unique<RedisServer>(std::vector<std::string>{
          "--cluster-enabled", "yes", "--cluster-config-file", conf, "--cluster-node-timeout",
          "1000", "--cluster-port", bus.back(), "--cluster-allow-replica-migration", "no"}));
      servers[i]->ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    }
    meet();
    for (std::size_t i = 0; i < kPrimaries; ++i) {
      const std::size_t first = i * kSlotsEach;
      const std::size_t last = i + 1 == kPrimaries ? kRedisSlots - 1 : first + kSlotsEach - 1;
      EXPECT_EQ(servers[i]->ask(
                    {"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)}),
                "OK");
    }
    EXPECT_TRUE(
        until([&] { return servers[kReplica]->ask({"CLUSTER", "REPLICATE", id(0)}) == "OK"; }));
    EXPECT_TRUE(until([&] {
      return std::ranges::all_of(servers, [](const auto& server) {
        return server->ask({"CLUSTER", "INFO"}).find("cluster_state:ok") != std::string::npos;
      });
    }));
    EXPECT_TRUE(until([&] {
      return servers[kReplica]->ask({"INFO", "replication"}).find("master_link_status:up") !=
             std::string::npos;
    }));
  }
  // A handshake that takes longer than the timeout of nodes is forgotten, so they meet until they
  // have met.
  void meet() {
    const auto all_know_all = [&] {
      return std::ranges::all_of(servers, [](const auto& server) {
        return server->ask({"CLUSTER", "INFO"}).find("cluster_known_nodes:4") != std::string::npos;
      });
    };
    int looks = 0;
    EXPECT_TRUE(until([&] {
      if (looks++ % 400 == 0) {
        for (std::size_t i = 1; i < servers.size(); ++i) {
          servers[i]->ask({"CLUSTER", "MEET", "127.0.0.1", port(0), bus[0]});
        }
      }
      return all_know_all();
    }));
  }
  [[nodiscard]] std::string port(std::size_t i) const { return std::to_string(servers[i]->port()); }
  std::string id(std::size_t i) { return servers[i]->ask({"CLUSTER", "MYID"}); }
  // Of the second and third: one that is killed is not the one that was written down.
  [[nodiscard]] std::string url() const {
    return "redis+cluster://127.0.0.1:" + port(1) + ",127.0.0.1:" + port(2);
  }
  [[nodiscard]] static std::size_t owner(const std::string& key) {
    return std::min<std::size_t>(redis_slot(key) / kSlotsEach, kPrimaries - 1);
  }
  // An account whose location is there.
  static std::string account_at(std::size_t i) {
    for (int number = 0;; ++number) {
      std::string account = "a" + std::to_string(number);
      if (owner("login:loc:" + account) == i) return account;
    }
  }

  const test::TempDir dir;
  std::vector<std::string> bus;
  std::vector<std::unique_ptr<RedisServer>> servers;
};

}  // namespace ringgate
