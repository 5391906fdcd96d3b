// A primary, its replica, and a sentinel that makes a primary of the one when the other has gone:
// real ones.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/common/temp_dir.h"
#include "tests/common/until.h"
#include "tests/services/store/redis/server.h"

namespace ringgate {

struct SentinelWorld {
  SentinelWorld() {
    replica.ask({"REPLICAOF", "127.0.0.1", std::to_string(primary.port())});
    EXPECT_TRUE(until([&] {
      return replica.ask({"INFO", "replication"}).find("master_link_status:up") !=
             std::string::npos;
    }));
    const std::string conf = dir.write(
        "sentinel.conf", "sentinel monitor main 127.0.0.1 " + std::to_string(primary.port()) +
                             " 1\nsentinel down-after-milliseconds main 500\n"
                             "sentinel failover-timeout main 3000\n");
    sentinel.emplace(std::vector<std::string>{conf, "--sentinel"});
    // It cannot choose one that it does not know yet.
    EXPECT_TRUE(until(
        [&] { return sentinel->ask({"INFO", "sentinel"}).find("slaves=1") != std::string::npos; }));
  }
  [[nodiscard]] std::string url(const std::string& name = "main") const {
    return "redis+sentinel://127.0.0.1:1,127.0.0.1:" + std::to_string(sentinel->port()) + "/" +
           name;
  }
  // From now on what the primary takes is lost with it.
  void cut_replica_off() {
    primary.ask({"ACL", "SETUSER", "default", "-psync", "-sync"});
    primary.ask({"CLIENT", "KILL", "TYPE", "replica"});
    EXPECT_TRUE(until([&] {
      return primary.ask({"INFO", "replication"}).find("connected_slaves:0") != std::string::npos;
    }));
  }

  const test::TempDir dir;
  RedisServer primary;
  RedisServer replica;
  std::optional<RedisServer> sentinel;
};

}  // namespace ringgate
