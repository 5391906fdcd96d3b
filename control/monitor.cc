#include "control/monitor.h"

#include <httplib.h>
#include <openssl/crypto.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "control/address.h"
#include "control/thread.h"
#include "control/unique_fd.h"

namespace ringgate {
namespace {

// Browsers open connections in advance and keep silent on them for kIoTimeout_s.
constexpr std::size_t kThreads = 4;
constexpr std::time_t kIoTimeout_s = 2;
constexpr std::size_t kMaxRequestBody = 4096;
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kTextType = "text/plain; charset=utf-8";
constexpr const char* kContentPolicy = "Content-Security-Policy";

HttpReply probe_reply(const std::function<std::optional<std::string>()>& probe) {
  const std::optional<std::string> reason = probe ? probe() : std::nullopt;
  if (reason) return {503, *reason + "\n"};
  return {200, "ok"};
}

HttpReply metrics_reply(const std::shared_ptr<prometheus::Collectable>& metrics) {
  std::string text;
  if (metrics) text = prometheus::TextSerializer().Serialize(metrics->Collect());
  return {200, std::move(text), kMetricsType};
}

// The numeric host that a socket is bound to.
std::string host_of(int listener) {
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  auto* const address = reinterpret_cast<sockaddr*>(&bound.storage);
  return getsockname(listener, address, &bound.length) == 0 ? format_host(address) : "";
}

// Does the request name this port by a name that only this machine has? Without one Host there is
// nothing to believe.
bool has_local_host_header(const httplib::Request& request, const Endpoint& bound) {
  if (request.get_header_value_count("Host") != 1) return false;
  std::string asked = request.get_header_value("Host");
  std::ranges::transform(asked, asked.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  // Browsers leave the port out where it is that of the scheme.
  if (bound.port == 80 && !asked.ends_with(":80")) asked += ":80";
  const auto names = std::to_array<std::string>({"127.0.0.1", "localhost", "::1", bound.host});
  return std::ranges::any_of(
      names, [&](const std::string& name) { return asked == format_endpoint({name, bound.port}); });
}

// A browser says so when a page of another origin makes it POST.
bool is_cross_origin(const httplib::Request& request) {
  const std::string origin = request.get_header_value("Origin");
  return !origin.empty() && origin != "http://" + request.get_header_value("Host");
}

bool bears_token(const httplib::Request& request, const std::string& token) {
  const std::string given = request.get_header_value("Authorization");
  const std::string wanted = "Bearer " + token;
  return given.size() == wanted.size() &&
         CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

void restrict_reply(HttpReply& reply) {
  const bool has_policy = std::ranges::any_of(
      reply.headers, [](const auto& header) { return header.first == kContentPolicy; });
  if (!has_policy) {
    reply.headers.emplace_back(kContentPolicy, "default-src 'none'; frame-ancestors 'none'");
  }
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  reply.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  reply.headers.emplace_back("Referrer-Policy", "no-referrer");
  reply.headers.emplace_back("Cache-Control", "no-store");
}

}  // namespace

struct Monitor::State {
  struct Page {
    Handler handler;
    Audience audience = Audience::kAnyone;
  };

  httplib::Server server;
  std::mutex mutex;
  std::map<std::string, Page, std::less<>> pages;  // By "GET /path"; guarded by mutex.
  std::string token;                               // Of operators; empty: none is asked for.
  std::atomic<bool> ended = false;                 // The listening thread returned.
  std::thread thread;
  Endpoint bound;
  // Until serve() the listening socket is ours to close: the library closes it when its loop ends.
  UniqueFd unserved;

  void configure();
  void add(const std::string& what, Page page);
  HttpReply operator_reply(const httplib::Request& request, const HttpRequest& plain,
                           const Page& page) const;
  HttpReply reply_to(const httplib::Request& request);
  void answer(const httplib::Request& request, httplib::Response& response);
};

void Monitor::State::configure() {
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_socket_options([this](socket_t fd) {
    // The library's default, SO_REUSEPORT, would bind a port that is taken without a word.
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Of several addresses that a name has, the last one tried is the one that listens; the library
    // closes the others itself.
    unserved.release();
    unserved = UniqueFd(fd);
  });
  // With few threads a connection that is kept alive would keep the next probe waiting.
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(kIoTimeout_s);
  server.set_read_timeout(kIoTimeout_s);
  server.set_write_timeout(kIoTimeout_s);
  server.set_payload_max_length(kMaxRequestBody);
  // Before the library reads a body: nothing here has one, and it would wait for one whose length
  // is not said (curl -X POST).
  server.set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        answer(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });
}

void Monitor::State::add(const std::string& what, Page page) {
  const std::lock_guard lock(mutex);
  pages.insert_or_assign(what, std::move(page));
}

HttpReply Monitor::State::operator_reply(const httplib::Request& request, const HttpRequest& plain,
                                         const Page& page) const {
  if (is_loopback_host(bound.host) && !has_local_host_header(request, bound)) {
    return {403, "ask for http://" + format_endpoint(bound) + request.path + "\n"};
  }
  if (request.method == "POST" && is_cross_origin(request)) {
    return {403, "a page of another origin may not do this\n"};
  }
  if (page.audience != Audience::kBrowser && !token.empty() && !bears_token(request, token)) {
    HttpReply reply{401, "send Authorization: Bearer with the AdminToken of the configuration\n"};
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
    return reply;
  }
  return page.handler(plain);
}

HttpReply Monitor::State::reply_to(const httplib::Request& request) {
  Page page;
  {
    const std::lock_guard lock(mutex);
    // A HEAD is answered like its GET, without the body.
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    const auto at = pages.find(method + " " + request.path);
    if (at == pages.end()) {
      for (const std::string other : {"GET", "POST"}) {
        if (!pages.contains(other + " " + request.path)) continue;
        return {405, "this path takes " + other + "\n", kTextType, {{"Allow", other}}};
      }
      return {404, "not found\n"};
    }
    page = at->second;
  }
  HttpRequest plain{request.path, {}};
  for (const auto& [key, value] : request.params) plain.query.emplace(key, value);
  if (page.audience == Audience::kAnyone) return page.handler(plain);
  HttpReply reply = operator_reply(request, plain, page);
  restrict_reply(reply);
  return reply;
}

void Monitor::State::answer(const httplib::Request& request, httplib::Response& response) {
  HttpReply reply = reply_to(request);
  response.status = reply.status;
  for (const auto& [name, value] : reply.headers) response.set_header(name, value);
  response.set_content(std::move(reply.body), reply.content_type);
}

Result<std::unique_ptr<Monitor>> Monitor::bind(const std::string& address, std::uint16_t port,
                                               const std::string& key) {
  auto state = std::make_unique<State>();
  state->configure();
  errno = 0;
  const std::string host = address.empty() ? "::" : address;
  const int bound = port == 0 ? state->server.bind_to_any_port(host)
                              : (state->server.bind_to_port(host, port) ? port : -1);
  if (bound <= 0) {
    const int error = errno;
    state->unserved.release();  // Closed by the library.
    return run_error(
        "cannot listen on {} for {}: {}; {} {}", format_endpoint({host, port}), key,
        error == 0 ? "no such address" : std::strerror(error),
        error == EADDRINUSE ? "stop what listens there or choose another" : "check the address and",
        key);
  }
  state->bound = {host_of(state->unserved.get()), static_cast<std::uint16_t>(bound)};
  return std::unique_ptr<Monitor>(new Monitor(std::move(state)));
}

Result<std::unique_ptr<Monitor>> Monitor::start(const std::string& address, std::uint16_t port,
                                                Probes probes) {
  Result<std::unique_ptr<Monitor>> monitor = bind(address, port);
  if (!monitor) return monitor;
  (*monitor)->add_probes(std::move(probes));
  (*monitor)->serve();
  return monitor;
}

Monitor::Monitor(std::unique_ptr<State> state) : state_(std::move(state)) {}

Monitor::~Monitor() {
  stop();
}

std::uint16_t Monitor::port() const {
  return state_->bound.port;
}

bool Monitor::on_loopback() const {
  return is_loopback_host(state_->bound.host);
}

void Monitor::add_probes(Probes probes) {
  add_get("/health",
          [probe = std::move(probes.health)](const HttpRequest&) { return probe_reply(probe); });
  add_get("/ready",
          [probe = std::move(probes.ready)](const HttpRequest&) { return probe_reply(probe); });
  add_get("/metrics", [metrics = std::move(probes.metrics)](const HttpRequest&) {
    return metrics_reply(metrics);
  });
}

void Monitor::add_get(const std::string& path, Handler handler, Audience audience) {
  state_->add("GET " + path, {std::move(handler), audience});
}

void Monitor::add_post(const std::string& path, Handler handler) {
  state_->add("POST " + path, {std::move(handler), Audience::kOperator});
}

void Monitor::require_token(std::string token) {
  state_->token = std::move(token);
}

void Monitor::serve() {
  State& running = *state_;
  if (!running.unserved) return;
  running.unserved.release();
  running.thread = start_thread("monitor", [&running] {
    running.server.listen_after_bind();
    running.ended = true;
  });
  // The library's stop() does nothing before its loop runs, and the loop would then never end.
  while (!running.server.is_running() && !running.ended) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Monitor::stop() {
  state_->unserved = UniqueFd();
  if (!state_->thread.joinable()) return;
  state_->server.stop();
  state_->thread.join();
}

}  // namespace ringgate
