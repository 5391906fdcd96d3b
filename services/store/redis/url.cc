#include "services/store/redis/url.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "codec/percent.h"
#include "control/base/text.h"

namespace ringgate {
namespace {

using Kind = RedisTarget::Kind;

constexpr std::uint16_t kServerPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
constexpr std::size_t kMostHosts = 64;
constexpr std::size_t kLongestPath = 107;  // of a sockaddr_un
constexpr std::uint64_t kHighestDb = 65'535;

struct Scheme {
  std::string_view text;
  Kind kind;
  bool has_tls;
};
constexpr std::string_view kUnix = "unix://";
constexpr std::array<Scheme, 6> kSchemes{{{"redis://", Kind::kServers, false},
                                          {"rediss://", Kind::kServers, true},
                                          {"redis+sentinel://", Kind::kSentinel, false},
                                          {"rediss+sentinel://", Kind::kSentinel, true},
                                          {"redis+cluster://", Kind::kCluster, false},
                                          {"rediss+cluster://", Kind::kCluster, true}}};

// Whether all of "user:password" is written as itself. What is not was hardly meant for it: the
// rest of a URL, a host's bracket.
bool is_plain(std::string_view both) {
  return std::ranges::none_of(both, [](char c) {
    return std::string_view(" \x7f@/?#[],").contains(c) || static_cast<unsigned char>(c) < ' ';
  });
}

// Takes "user:password@" from the front, which ends at the last @: hosts have none.
Result<void> take_access(std::string_view& authority, RedisAccess& access) {
  const std::size_t end = authority.rfind('@');
  if (end == authority.npos) return {};
  const std::string_view both = authority.substr(0, end);
  authority.remove_prefix(end + 1);
  if (!is_plain(both)) {
    return usage_error(
        "has a character in its user or password that is written as %XX there; write %40 for an @, "
        "%2C for a comma, %20 for a blank, %5B for a [");
  }
  const std::size_t colon = std::min(both.find(':'), both.size());
  const auto user = percent_decode(both.substr(0, colon));
  const auto password = percent_decode(both.substr(std::min(colon + 1, both.size())));
  if (!user || !password) {
    return usage_error("has a % that is no %XX in its user or password; write %25 for a %");
  }
  access.user = *user;
  access.password = *password;
  return {};
}

Result<Endpoint> parse_server(std::string_view text, std::uint16_t default_port) {
  const auto wrong = usage_error(
      "has a host or a port that none can have; write HOST or HOST:PORT, IPv6 in brackets, and "
      "%2F for a / in a password");
  const std::size_t bracket = text.rfind(']');
  const bool has_port = text.find(':', bracket == text.npos ? 0 : bracket) != text.npos;
  auto endpoint =
      parse_endpoint(has_port ? std::string(text) : fmt::format("{}:{}", text, default_port));
  if (!endpoint || endpoint->port == 0) return wrong;
  auto host = parse_host(endpoint->host);
  if (!host || !check_dialable(*host)) return wrong;
  return Endpoint{std::move(*host), endpoint->port};
}

Result<std::uint32_t> parse_db(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number > kHighestDb) {
    return usage_error("has a database that is no number up to {}", kHighestDb);
  }
  return static_cast<std::uint32_t>(*number);
}

Result<RedisTarget> parse_unix(std::string_view rest) {
  RedisAddress address;
  if (!rest.starts_with('/')) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view before = rest.substr(0, slash);
    if (auto taken = take_access(before, address.access); !taken) {
      return std::unexpected(taken.error());
    }
    rest.remove_prefix(slash);
    if (!before.empty()) rest = {};
  }
  constexpr std::string_view kDb = "?db=";
  if (const std::size_t mark = rest.find('?'); mark != rest.npos) {
    if (!rest.substr(mark).starts_with(kDb)) return usage_error("takes nothing after ? but db=N");
    auto db = parse_db(rest.substr(mark + kDb.size()));
    if (!db) return std::unexpected(db.error());
    address.access.db = *db;
    rest = rest.substr(0, mark);
  }
  if (rest.size() < 2 || rest.ends_with('/') || rest.size() > kLongestPath) {
    return usage_error(
        "is unix:// without the path of a socket; write three slashes and the whole path, {} bytes "
        "at most",
        kLongestPath);
  }
  address.socket_path = rest;
  return RedisTarget{Kind::kServers, {std::move(address)}, {}, {}};
}

// What stands behind the hosts: a database, a primary's name, or both.
Result<void> take_path(std::string_view path, RedisTarget& target) {
  if (target.kind == Kind::kSentinel) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const auto master = percent_decode(path.substr(0, slash));
    if (!master || master->empty() || has_control(*master)) {
      return usage_error("lacks the primary's name; write redis+sentinel://HOST,HOST,HOST/NAME");
    }
    target.master = *master;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  if (path.empty()) return {};
  if (target.kind == Kind::kCluster) return usage_error("names a database; a cluster has one only");
  auto db = parse_db(path);
  if (!db) return std::unexpected(db.error());
  target.access.db = *db;
  return {};
}

Result<RedisTarget> parse_hosts(std::string_view rest, const Scheme& scheme) {
  if (rest.find_first_of("?#") != rest.npos) {
    return usage_error("has a ? or a # in it; write %3F or %23 in a password");
  }
  RedisTarget target;
  target.kind = scheme.kind;
  target.access.has_tls = scheme.has_tls;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view hosts = rest.substr(0, slash);
  rest.remove_prefix(std::min(slash + 1, rest.size()));
  if (rest.contains('@')) {
    return usage_error("has an @ behind a /; write %2F for a / in a password, and %40 for an @");
  }
  if (auto taken = take_access(hosts, target.access); !taken) {
    return std::unexpected(taken.error());
  }
  if (auto taken = take_path(rest, target); !taken) return std::unexpected(taken.error());
  const bool has_sentinels = scheme.kind == Kind::kSentinel;
  while (true) {
    const std::size_t comma = std::min(hosts.find(','), hosts.size());
    auto endpoint =
        parse_server(hosts.substr(0, comma), has_sentinels ? kSentinelPort : kServerPort);
    if (!endpoint) return std::unexpected(endpoint.error());
    target.addresses.push_back({std::move(*endpoint), {}, target.access});
    if (comma == hosts.size()) break;
    hosts.remove_prefix(comma + 1);
  }
  if (scheme.kind == Kind::kServers && target.addresses.size() > 1) {
    return usage_error(
        "names several hosts; write a URL for each, or redis+sentinel://, or "
        "redis+cluster://");
  }
  if (target.addresses.size() > kMostHosts)
    return usage_error("names more than {} hosts", kMostHosts);
  return target;
}

Result<RedisTarget> parse_url(std::string_view text) {
  if (has_control(text)) return usage_error("has a control character in it; remove it");
  if (text.starts_with(kUnix)) return parse_unix(text.substr(kUnix.size()));
  for (const Scheme& scheme : kSchemes) {
    if (text.starts_with(scheme.text)) return parse_hosts(text.substr(scheme.text.size()), scheme);
  }
  return usage_error(
      "is none of redis://, rediss://, unix:///, redis+sentinel:// and redis+cluster://; write for "
      "example redis://redis.example.com:6379/0");
}

void use_passwords(RedisTarget& target, const RedisPasswords& passwords) {
  const auto use = [](RedisAccess& access, const std::string& password) {
    if (access.password.empty()) access.password = password;
  };
  use(target.access, passwords.servers);
  for (RedisAddress& address : target.addresses) {
    if (target.kind == Kind::kSentinel) {
      address.access = RedisAccess{{}, passwords.sentinels, 0, target.access.has_tls};
    } else {
      use(address.access, passwords.servers);
    }
  }
}

}  // namespace

std::string format_redis_address(const RedisAddress& address) {
  return address.socket_path.empty() ? format_endpoint(address.endpoint) : address.socket_path;
}

std::string RedisTarget::name() const {
  std::vector<std::string> names;
  names.reserve(addresses.size());
  for (const RedisAddress& address : addresses) names.push_back(format_redis_address(address));
  std::string all = fmt::format("{}", fmt::join(names, ","));
  switch (kind) {
    case Kind::kSentinel:
      return fmt::format("sentinel {}/{}", all, master);
    case Kind::kCluster:
      return "cluster " + all;
    case Kind::kServers:
      break;
  }
  return all;
}

bool RedisTarget::has_tls() const {
  return std::ranges::any_of(addresses, [](const auto& one) { return one.access.has_tls; });
}

RedisTarget redis_at(Endpoint endpoint) {
  return {Kind::kServers, {{std::move(endpoint), {}, {}}}, {}, {}};
}

Result<RedisTarget> parse_redis_urls(std::span<const std::string> urls,
                                     const RedisPasswords& passwords) {
  RedisTarget all;
  for (const std::string& url : urls) {
    auto target = parse_url(url);
    if (!target) return target;
    use_passwords(*target, passwords);
    if (urls.size() == 1) return target;
    if (target->kind != Kind::kServers) {
      return usage_error("is a list, which is for single servers; write one URL with all hosts");
    }
    all.addresses.push_back(std::move(target->addresses.front()));
  }
  if (all.addresses.empty()) return usage_error("has no URL in it");
  if (all.addresses.size() > kMostHosts) return usage_error("has more than {} URLs", kMostHosts);
  return all;
}

}  // namespace ringgate
