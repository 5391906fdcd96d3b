// Which Redis is meant, as people write it in RedisURL:
//
//   redis://user:password@host:port/db    one server; rediss:// with TLS
//   unix:///path/to/socket?db=1           one server on this machine
//   redis+sentinel://h1,h2,h3/master/db   the primary that sentinels name; rediss+sentinel://
//   redis+cluster://h1,h2                 the cluster that these servers are of; rediss+cluster://
//
// Several of one server each are tried in turn. User and password stand before the hosts, with
// %XX for what is not a letter or a digit. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "control/base/address.h"
#include "control/base/error.h"

namespace ringgate {

// How one gets in, once connected.
struct RedisAccess {
  std::string user;      // empty: the default one
  std::string password;  // empty: none
  std::uint32_t db = 0;
  bool has_tls = false;

  bool operator==(const RedisAccess&) const = default;
};

struct RedisAddress {
  Endpoint endpoint;
  std::string socket_path;  // instead of the endpoint
  RedisAccess access;

  bool operator==(const RedisAddress&) const = default;
};
// Without what is secret.
[[nodiscard]] std::string format_redis_address(const RedisAddress& address);

struct RedisTarget {
  enum class Kind : std::uint8_t { kServers, kSentinel, kCluster };

  Kind kind = Kind::kServers;
  std::vector<RedisAddress> addresses;  // to be dialled: servers, sentinels, or some of the cluster
  std::string master;                   // of kSentinel: its name
  RedisAccess access;                   // of the servers that sentinels or the cluster name

  // "127.0.0.1:6379", "sentinel a:26379,b:26379/main", "cluster a:6379"; nothing secret.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] bool has_tls() const;
  bool operator==(const RedisTarget&) const = default;
};

struct RedisPasswords {
  std::string servers;    // where the URL has none
  std::string sentinels;  // they have none else
};

[[nodiscard]] RedisTarget redis_at(Endpoint endpoint);
// Errors have exit code 2, read on from a key's name, and quote nothing: what is wrong may be a
// part of a password.
[[nodiscard]] Result<RedisTarget> parse_redis_urls(std::span<const std::string> urls,
                                                   const RedisPasswords& passwords);

}  // namespace ringgate
