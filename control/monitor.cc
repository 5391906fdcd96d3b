#include "control/monitor.h"

#include <httplib.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "control/address.h"
#include "control/thread.h"

namespace ringgate {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::time_t kIoTimeout_s = 2;
constexpr std::size_t kMaxRequestBody = 4096;
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

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

}  // namespace

struct Monitor::State {
  httplib::Server server;
  std::mutex mutex;
  std::map<std::string, Handler, std::less<>> handlers;  // By path; guarded by mutex.
  std::atomic<bool> ended = false;                       // The listening thread returned.
  std::thread thread;
  std::uint16_t port = 0;

  void configure();
  void answer(const httplib::Request& request, httplib::Response& response);
};

void Monitor::State::configure() {
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  // The library's default, SO_REUSEPORT, would bind a port that is taken without a word.
  server.set_socket_options([](socket_t fd) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  // With two threads a connection that is kept alive would keep the next probe waiting.
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(kIoTimeout_s);
  server.set_read_timeout(kIoTimeout_s);
  server.set_write_timeout(kIoTimeout_s);
  server.set_payload_max_length(kMaxRequestBody);
  server.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
    answer(request, response);
  });
}

void Monitor::State::answer(const httplib::Request& request, httplib::Response& response) {
  Handler handler;
  {
    const std::lock_guard lock(mutex);
    const auto at = handlers.find(request.path);
    if (at != handlers.end()) handler = at->second;
  }
  HttpReply reply{404, "not found\n"};
  if (handler) {
    HttpRequest plain{request.path, {}};
    for (const auto& [key, value] : request.params) plain.query.emplace(key, value);
    reply = handler(plain);
  }
  response.status = reply.status;
  response.set_content(reply.body, reply.content_type);
}

Result<std::unique_ptr<Monitor>> Monitor::start(const std::string& address, std::uint16_t port,
                                                Probes probes) {
  auto state = std::make_unique<State>();
  state->configure();
  errno = 0;
  const std::string host = address.empty() ? "::" : address;
  const int bound = port == 0 ? state->server.bind_to_any_port(host)
                              : (state->server.bind_to_port(host, port) ? port : -1);
  if (bound <= 0) {
    const char* mend = errno == EADDRINUSE ? "stop what listens there or choose another MonitorPort"
                                           : "check MonitorAddress and MonitorPort";
    return run_error("cannot listen on {} for the monitor: {}; {}", format_endpoint({host, port}),
                     errno == 0 ? "no such address" : std::strerror(errno), mend);
  }
  state->port = static_cast<std::uint16_t>(bound);
  std::unique_ptr<Monitor> monitor(new Monitor(std::move(state)));
  monitor->add_get("/health", [probe = std::move(probes.health)](const HttpRequest&) {
    return probe_reply(probe);
  });
  monitor->add_get("/ready", [probe = std::move(probes.ready)](const HttpRequest&) {
    return probe_reply(probe);
  });
  monitor->add_get("/metrics", [metrics = std::move(probes.metrics)](const HttpRequest&) {
    return metrics_reply(metrics);
  });
  State& running = *monitor->state_;
  running.thread = start_thread("monitor", [&running] {
    running.server.listen_after_bind();
    running.ended = true;
  });
  // The library's stop() does nothing before its loop runs, and the loop would then never end.
  while (!running.server.is_running() && !running.ended) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return monitor;
}

Monitor::Monitor(std::unique_ptr<State> state) : state_(std::move(state)) {}

Monitor::~Monitor() {
  stop();
}

std::uint16_t Monitor::port() const {
  return state_->port;
}

void Monitor::add_get(const std::string& path, Handler handler) {
  const std::lock_guard lock(state_->mutex);
  state_->handlers.insert_or_assign(path, std::move(handler));
}

void Monitor::stop() {
  if (!state_->thread.joinable()) return;
  state_->server.stop();
  state_->thread.join();
}

}  // namespace ringgate
