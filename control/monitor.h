// The HTTP port for probes and metrics: GET /health, /ready, /metrics, and what is added to it. It
// has its own thread and two for requests; probes and handlers are called on those, so they may
// only read what any thread may read. All functions may be called on any thread.
#pragma once

#include <prometheus/collectable.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/error.h"

namespace ringgate {

struct Probes {
  // Nothing when all is well, else the reason (one line): answered with 200 "ok" or 503.
  std::function<std::optional<std::string>()> health;
  std::function<std::optional<std::string>()> ready;
  std::shared_ptr<prometheus::Collectable> metrics;  // May be null.
};

struct HttpRequest {
  std::string path;
  std::map<std::string, std::string> query;  // The first value of each parameter.
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

class Monitor {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  // Listens before it returns. Port 0 takes a free one. A port that another process or socket
  // listens on is an error.
  static Result<std::unique_ptr<Monitor>> start(const std::string& address, std::uint16_t port,
                                                Probes probes);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  std::uint16_t port() const;

  // GET of exactly this path (starting with '/'); replaces an earlier handler of it.
  void add_get(const std::string& path, Handler handler);

  // Ends the threads; requests in progress are answered first. No handler runs afterwards.
  void stop();

 private:
  struct State;
  explicit Monitor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ringgate
