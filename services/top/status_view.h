// What /status.json of a gateway has said, and its history so far. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"

namespace ringgate::top {

struct StatusSample {
  std::int64_t unix_ms = 0;
  double clients = 0;
  double channels = 0;
  double logins = 0;
  double logins_bad = 0;
  double in = 0;
  double out = 0;
  double errors = 0;
  double bytes_in = 0;
  double bytes_out = 0;
};

struct InstanceRow {
  std::string service;
  std::string id;
  std::string address;
  std::string state;
  std::uint64_t links = 0;
  std::uint64_t links_up = 0;
  double forwards = 0;
  double failures = 0;
  std::optional<double> answer_ms;
  std::uint64_t outstanding = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t ejected = 0;
  std::string last_error;  // of a link that is not up
};

struct ClientRow {
  std::string account;
  std::string app;
  std::string address;
  std::uint64_t queued_bytes = 0;
  std::uint64_t sending_ms = 0;
  std::uint64_t outstanding = 0;
};

struct CloseRow {
  std::string reason;
  std::uint64_t last_minute = 0;
  std::uint64_t all = 0;
};

struct StatusView {
  std::string version;
  std::string service_id;
  std::string service_name;
  std::int64_t now_unix_ms = 0;
  std::uint64_t uptime_s = 0;
  std::uint64_t shards = 0;
  std::uint64_t room = 0;
  std::uint64_t history_s = 0;
  std::vector<std::string> problems;  // none: it is ready
  std::deque<StatusSample> samples;
  std::uint64_t next = 0;  // what to ask for the next time: ?since=
  std::vector<InstanceRow> instances;
  std::vector<ClientRow> clients;  // with the most queued, the fattest first
  std::vector<CloseRow> closes;

  // All of it is new, but that samples are added. Text of others is printable().
  [[nodiscard]] Result<void> take(std::string_view json);
};

}  // namespace ringgate::top
