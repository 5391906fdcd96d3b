// What an Server lets clients hold and wait for: see control/http/server.h. Plain values.
#pragma once

#include <chrono>
#include <cstddef>

namespace ringgate::http {

struct Bounds {
  std::size_t max_connections = 256;
  std::size_t max_connections_per_address = 64;  // an IPv6 /64 is one
  std::chrono::milliseconds request_time{5000};
  std::chrono::milliseconds answer_time{10'000};
  std::chrono::milliseconds take_time{10'000};
  std::size_t max_answer_bytes = 16 * 1024 * 1024;
};

}  // namespace ringgate::http
