// What /status.json says: what the process is, its history, its services. Pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringgate {

class StatusHistory;

struct StatusFacts {
  std::string service_id;
  std::string service_name;
  std::int64_t now_unix_ms = 0;
  std::uint64_t uptime_s = 0;
  std::uint64_t shards = 0;
  std::uint64_t room = 0;              // for clients
  std::uint64_t history_s = 0;         // how far back the history goes at most
  std::optional<std::string> problem;  // lines of /ready
};

// What shards have answered, as JSON; empty: they did not.
struct StatusParts {
  std::string services;  // as GET /services answers
  std::string heaviest;  // {"channels": [...]}: see inspection/heaviest.h
};

[[nodiscard]] std::string status_json(const StatusFacts& facts, const StatusHistory& history,
                                      std::uint64_t since, const StatusParts& parts);

}  // namespace ringgate
