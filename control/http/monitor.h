// A port for HTTP: probes and metrics that anyone may read, and pages of the admin port. It has
// its own thread, which answers /health and /ready, and a few for the other pages: probes must not
// wait, and all may only read what any thread may read. All functions may be called on any thread,
// serve() and stop() by one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/base/error.h"
#include "control/base/unique_fd.h"
#include "control/http/reply.h"
#include "control/http/server.h"
#include "control/observe/metrics.h"

namespace ringgate::http {

struct Probes {
  // Nothing when all is well, else the reason (one line): answered with 200 "ok" or 503. They take
  // no time.
  std::function<std::optional<std::string>()> health;
  std::function<std::optional<std::string>()> ready;
  // Fills a scrape; may be empty. /metrics?per_shard=1 asks for each shard by itself.
  std::function<void(MetricsSnapshot&)> metrics;
  // What somebody has to look after though it stops nothing yet: a line for each. /ready has them
  // below its answer, each behind "warning: ". May be empty; takes no time.
  std::function<std::vector<std::string>()> warnings{};
};

struct Request {
  std::string path;
  std::map<std::string, std::string> query;  // The first value of each parameter.
};

enum class Audience : std::uint8_t {
  kAnyone,
  // Whoever operates this process. On a loopback address a request has to name it as such in its
  // Host header (else 403): a foreign web site whose name was pointed at 127.0.0.1 (DNS rebinding)
  // would otherwise be one origin with these pages, and read them. No reply is stored by browsers,
  // shown in frames, or given to pages of another origin; it loads nothing unless the handler sets
  // a Content-Security-Policy of its own. A page of another origin cannot POST either (403), and
  // where there is a token a request has to bear it (401).
  kOperator,
  // The same without a token: a browser that opens a page has none to send. Of both kinds of pages,
  // a request with a parameter that the page does not declare, one twice, or a body is a mistake
  // (400).
  kBrowser,
};

class Monitor {
 public:
  using Handler = std::function<Reply(const Request&)>;

  // The names of what may stand in a page's query.
  using Parameters = std::vector<std::string>;

  // Listens, so that port() is known and clients may connect, but answers nothing before serve().
  // Port 0 takes a free one. A port that another process or socket listens on is an error, which
  // says to mend `key`, the name of the setting that `port` came from.
  static Result<std::unique_ptr<Monitor>> bind(const std::string& address, std::uint16_t port,
                                               const std::string& key = "MonitorPort",
                                               const Bounds& bounds = {});
  // The same with a socket that listens already, at one of names_of(address, port).
  static Result<std::unique_ptr<Monitor>> adopt(UniqueFd socket, const Bounds& bounds);
  static std::vector<std::string> names_of(const std::string& address, std::uint16_t port);
  // bind(), add_probes() and serve().
  static Result<std::unique_ptr<Monitor>> start(const std::string& address, std::uint16_t port,
                                                Probes probes, const Bounds& bounds = {});
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  std::uint16_t port() const;
  bool on_loopback() const;
  // "127.0.0.1:8081", and a copy of its socket for another process.
  [[nodiscard]] std::string bound_name() const;
  [[nodiscard]] UniqueFd copy_socket() const;
  // The port is another process's from now on: Server::leave_port.
  void leave_port();

  // GET /health, /ready and /metrics.
  void add_probes(Probes probes);
  // GET of exactly this path (starting with '/'); replaces an earlier handler of it. One that ends
  // with "/*" is for all paths that begin so and have no page of their own. Of pages for anyone the
  // parameters need not be declared.
  void add_get(const std::string& path, Handler handler, Audience audience = Audience::kAnyone,
               Parameters parameters = {});

  // POST of exactly this path, whose parameters stand in its query; always for operators.
  void add_post(const std::string& path, Handler handler, Parameters parameters = {});
  // The port speaks TLS: before serve(); later it replaces the certificates that it began with.
  void use_tls(TlsContext context);
  [[nodiscard]] bool is_tls() const;
  // What operators' requests have to bear from now on (Authorization: Bearer TOKEN, RFC 6750).
  void require_token(std::string token);

  // Starts the threads. Once.
  void serve();
  // Ends the threads, in a second after the last handler that runs whatever clients do; what a
  // handler answers is still sent. No handler runs afterwards.
  void stop();

  // `port` is the label that tells this port's series from another's.
  void collect(MetricsSnapshot& metrics, const std::string& port) const;

 private:
  struct State;
  explicit Monitor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ringgate::http
