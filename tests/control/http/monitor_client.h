// Asking a monitor of the test's own process over a socket.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "control/http/monitor.h"
#include "tests/common/tcp_peer.h"

namespace ringgate::test {

// Reads to the end.
inline std::string rest_of(const TcpPeer& peer) {
  std::string all;
  for (std::string part; !(part = peer.read(4096)).empty();) all += part;
  return all;
}

inline std::string ask(const http::Monitor& monitor, std::string_view request) {
  const TcpPeer peer = TcpPeer::connect_to(monitor.port());
  peer.send(request);
  return rest_of(peer);
}

inline std::string request_for(std::string_view path, std::string_view method = "GET") {
  return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

inline std::string health(const http::Monitor& monitor) {
  return ask(monitor, request_for("/health"));
}

// The sum of the series of that name whose labels contain `label`.
inline double metric(const http::Monitor& monitor, const std::string& name,
                     const std::string& label = {}) {
  MetricsSnapshot snapshot;
  monitor.collect(snapshot, "monitor");
  double sum = 0;
  for (const prometheus::MetricFamily& family : snapshot.take()) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& series : family.metric) {
      const bool fits = label.empty() || std::ranges::any_of(series.label, [&](const auto& one) {
                          return one.value == label;
                        });
      if (fits) sum += series.counter.value + series.gauge.value;
    }
  }
  return sum;
}

}  // namespace ringgate::test
