#include "control/http/monitor.h"

#include <openssl/crypto.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <exception>
#include <set>
#include <utility>

#include "control/base/address.h"
#include "control/base/mutex.h"
#include "control/http/audit.h"
#include "control/http/workers.h"

namespace ringgate::http {
namespace {

// Scrapes and operators' pages do not wait for each other. One scrape at a time is enough for as
// many as there are; pages of operators may wait for shards, for a second or two if one is stuck.
constexpr std::size_t kPublicThreads = 1;
constexpr std::size_t kOperatorThreads = 2;
constexpr std::size_t kMaxQueuedPages = 32;
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kTextType = "text/plain; charset=utf-8";
constexpr const char* kContentPolicy = "Content-Security-Policy";

Reply probe_reply(const std::function<std::optional<std::string>()>& probe) {
  const std::optional<std::string> reason = probe ? probe() : std::nullopt;
  if (reason) return {503, *reason + "\n"};
  return {200, "ok"};
}

Reply ready_reply(const Probes& probes) {
  Reply reply = probe_reply(probes.ready);
  const std::vector<std::string> warnings =
      probes.warnings ? probes.warnings() : std::vector<std::string>();
  if (warnings.empty()) return reply;
  if (reply.status == 200) reply.body += '\n';
  for (const std::string& warning : warnings) reply.body += "warning: " + warning + "\n";
  return reply;
}

Reply metrics_reply(const std::function<void(MetricsSnapshot&)>& metrics, const Request& request) {
  const auto asked = request.query.find("per_shard");
  const bool per_shard = asked != request.query.end() && asked->second == "1";
  MetricsSnapshot snapshot(per_shard ? MetricsSnapshot::Detail::kPerShard
                                     : MetricsSnapshot::Detail::kSums);
  if (metrics) metrics(snapshot);
  return {200, prometheus::TextSerializer().Serialize(snapshot.take()), kMetricsType};
}

// Does the request name this port by a name that only this machine has? Without a Host there is
// nothing to believe.
bool has_local_host(const ReceivedRequest& request, const Endpoint& bound, bool is_tls) {
  if (!request.host) return false;
  std::string asked = *request.host;
  std::ranges::transform(asked, asked.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  // Browsers leave the port out where it is that of the scheme.
  const std::string by_default = ":" + std::to_string(is_tls ? 443 : 80);
  const bool is_default = by_default == ":" + std::to_string(bound.port);
  if (is_default && !asked.ends_with(by_default)) asked += by_default;
  const auto names = std::to_array<std::string>({"127.0.0.1", "localhost", "::1", bound.host});
  return std::ranges::any_of(
      names, [&](const std::string& name) { return asked == format_endpoint({name, bound.port}); });
}

// A browser says so when a page of another origin makes it POST.
bool is_cross_origin(const ReceivedRequest& request, std::string_view scheme) {
  return !request.origin.empty() &&
         request.origin != std::string(scheme) + request.host.value_or("");
}

bool bears_token(const ReceivedRequest& request, const std::string& token) {
  const std::string& given = request.authorization;
  const std::string wanted = "Bearer " + token;
  return given.size() == wanted.size() &&
         CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

// What is wrong with the parameters of a request for a page that takes these.
std::optional<std::string> check_parameters(const ReceivedRequest& request,
                                            const Monitor::Parameters& known) {
  // As `curl -d` sends them: they would go unseen.
  if (request.has_body) return "parameters stand in the query, not in a body\n";
  std::set<std::string_view> seen;
  for (const auto& [name, value] : request.parameters) {
    if (std::ranges::find(known, name) == known.end()) {
      std::string problem = request.path + " has no such parameter; it takes ";
      for (const std::string& one : known) problem += (&one == known.data() ? "" : ", ") + one;
      return problem + (known.empty() ? "none\n" : "\n");
    }
    if (!seen.insert(name).second) return "the parameter " + name + " is there twice\n";
  }
  return std::nullopt;
}

void restrict_reply(Reply& reply) {
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

// "/channels/*" of "/channels/alice": what is below a page may hold slashes of its own.
std::string any_below(const std::string& path) {
  const std::size_t slash = path.find('/', 1);
  const bool is_below = slash != std::string::npos && slash + 1 < path.size();
  return is_below ? path.substr(0, slash) + "/*" : std::string();
}

Reply allow_reply(int status, std::string body, const std::string& methods) {
  return {status, std::move(body), kTextType, {{"Allow", methods}}};
}

}  // namespace

struct Monitor::State {
  struct Page {
    Handler handler;
    Audience audience = Audience::kAnyone;
    Parameters parameters{};
    bool takes_no_time = false;  // called on the server's thread
  };

  State(std::unique_ptr<Server> port) : server(std::move(port)) {}

  std::unique_ptr<Server> server;
  Workers public_workers{"monitor-scrape", kPublicThreads, kMaxQueuedPages};
  Workers operator_workers{"monitor-admin", kOperatorThreads, kMaxQueuedPages};
  Mutex mutex;
  std::map<std::string, Page, std::less<>> pages ABSL_GUARDED_BY(mutex);  // By "GET /path"
  std::string token ABSL_GUARDED_BY(mutex);  // Of operators; empty: none is asked for
  RefusedLog refused_log;                    // the server's thread

  void add(const std::string& what, Page page);
  std::optional<Page> page_of(const ReceivedRequest& request);
  Reply reply_without_page(const ReceivedRequest& request);
  std::string methods_of(const std::string& path);
  std::optional<Reply> refuse(const ReceivedRequest& request, const Page& page);
  void answer(const ReceivedRequest& request, const Server::Answer& answer);
};

void Monitor::State::add(const std::string& what, Page page) {
  const MutexLock lock(mutex);
  pages.insert_or_assign(what, std::move(page));
}

std::optional<Monitor::State::Page> Monitor::State::page_of(const ReceivedRequest& request) {
  const MutexLock lock(mutex);
  // A HEAD is answered like its GET, without the body.
  const std::string method = (request.method == "HEAD" ? "GET" : request.method) + " ";
  auto at = pages.find(method + request.path);
  if (at == pages.end()) at = pages.find(method + any_below(request.path));
  return at == pages.end() ? std::nullopt : std::optional(at->second);
}

// What Allow says of a path; empty: there is nothing at it.
std::string Monitor::State::methods_of(const std::string& path) {
  const MutexLock lock(mutex);
  std::string methods;
  if (pages.contains("GET " + path) || pages.contains("GET " + any_below(path)))
    methods = "GET, HEAD, ";
  if (pages.contains("POST " + path)) methods += "POST, ";
  return methods.empty() ? methods : methods + "OPTIONS";
}

Reply Monitor::State::reply_without_page(const ReceivedRequest& request) {
  if (!request.is_known) return {501, "there is no such method here\n"};
  const std::string methods = methods_of(request.path);
  if (request.method == "OPTIONS") {
    // "OPTIONS /" is how balancers ask whether somebody is there at all.
    if (request.path == "*" || request.path == "/") {
      return allow_reply(204, "", "GET, HEAD, POST, OPTIONS");
    }
    if (!methods.empty()) return allow_reply(204, "", methods);
  }
  if (methods.empty()) return {404, "not found\n"};
  return allow_reply(405, "this path takes " + methods + "\n", methods);
}

// Why somebody may not have the page.
std::optional<Reply> Monitor::State::refuse(const ReceivedRequest& request, const Page& page) {
  const Endpoint& bound = server->bound();
  const std::string scheme = server->is_tls() ? "https://" : "http://";
  if (is_loopback_host(bound.host) && !has_local_host(request, bound, server->is_tls())) {
    return Reply{403, "ask for " + scheme + format_endpoint(bound) + request.path + "\n"};
  }
  if (request.method == "POST" && is_cross_origin(request, scheme)) {
    return Reply{403, "a page of another origin may not do this\n"};
  }
  if (page.audience != Audience::kBrowser) {
    const MutexLock lock(mutex);
    if (!token.empty() && !bears_token(request, token)) {
      return Reply{401,
                   "send Authorization: Bearer with the AdminToken of the configuration\n",
                   kTextType,
                   {{"WWW-Authenticate", "Bearer"}}};
    }
  }
  if (const auto problem = check_parameters(request, page.parameters)) {
    return Reply{400, *problem};
  }
  return std::nullopt;
}

// The server's thread.
void Monitor::State::answer(const ReceivedRequest& request, const Server::Answer& answer) {
  const std::optional<Page> page = page_of(request);
  if (!page) return answer(reply_without_page(request));
  const bool is_public = page->audience == Audience::kAnyone;
  if (!is_public) {
    if (std::optional<Reply> refusal = refuse(request, *page)) {
      refused_log.tell(Asked::of(request, page->parameters), *refusal);
      restrict_reply(*refusal);
      return answer(std::move(*refusal));
    }
  }
  Request plain{request.path, {}};
  for (const auto& [key, value] : request.parameters) plain.query.emplace(key, value);
  const bool is_told = page->audience == Audience::kOperator;
  const auto run = [handler = page->handler, plain = std::move(plain), is_public, answer,
                    asked = is_told ? Asked::of(request, page->parameters) : Asked(), is_told] {
    Reply reply;
    try {
      reply = handler(plain);
    } catch (const std::exception& error) {
      reply = {500, std::string("this failed: ") + error.what() + "\n"};
    }
    if (!is_public) restrict_reply(reply);
    if (is_told) tell_asked(asked, reply);
    answer(std::move(reply));
  };
  if (page->takes_no_time) return run();
  Workers& workers = is_public ? public_workers : operator_workers;
  if (!workers.run(run)) {
    answer({503, "too much is asked at once\n", kTextType, {{"Retry-After", "1"}}});
  }
}

Result<std::unique_ptr<Monitor>> Monitor::bind(const std::string& address, std::uint16_t port,
                                               const std::string& key, const Bounds& bounds) {
  Result<std::unique_ptr<Server>> server = Server::listen(address, port, key, bounds);
  if (!server) return std::unexpected(server.error());
  return std::unique_ptr<Monitor>(new Monitor(std::make_unique<State>(std::move(*server))));
}

Result<std::unique_ptr<Monitor>> Monitor::adopt(UniqueFd socket, const Bounds& bounds) {
  Result<std::unique_ptr<Server>> server = Server::adopt(std::move(socket), bounds);
  if (!server) return std::unexpected(server.error());
  return std::unique_ptr<Monitor>(new Monitor(std::make_unique<State>(std::move(*server))));
}

std::vector<std::string> Monitor::names_of(const std::string& address, std::uint16_t port) {
  return Listener::names_of(address, port);
}

std::string Monitor::bound_name() const {
  return format_endpoint(state_->server->bound());
}

UniqueFd Monitor::copy_socket() const {
  return state_->server->copy_socket();
}

void Monitor::leave_port() {
  state_->server->leave_port();
}

Result<std::unique_ptr<Monitor>> Monitor::start(const std::string& address, std::uint16_t port,
                                                Probes probes, const Bounds& bounds) {
  Result<std::unique_ptr<Monitor>> monitor = bind(address, port, "MonitorPort", bounds);
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
  return state_->server->bound().port;
}

bool Monitor::on_loopback() const {
  return is_loopback_host(state_->server->bound().host);
}

void Monitor::add_probes(Probes probes) {
  const auto all = std::make_shared<const Probes>(std::move(probes));
  state_->add("GET /health", {.handler = [all](const Request&) { return probe_reply(all->health); },
                              .takes_no_time = true});
  state_->add("GET /ready", {.handler = [all](const Request&) { return ready_reply(*all); },
                             .takes_no_time = true});
  add_get("/metrics",
          [all](const Request& request) { return metrics_reply(all->metrics, request); });
}

void Monitor::add_get(const std::string& path, Handler handler, Audience audience,
                      Parameters parameters) {
  state_->add("GET " + path, {std::move(handler), audience, std::move(parameters)});
}

void Monitor::add_post(const std::string& path, Handler handler, Parameters parameters) {
  state_->add("POST " + path, {std::move(handler), Audience::kOperator, std::move(parameters)});
}

void Monitor::require_token(std::string token) {
  const MutexLock lock(state_->mutex);
  state_->token = std::move(token);
}

void Monitor::use_tls(TlsContext context) {
  state_->server->use_tls(std::move(context));
}

bool Monitor::is_tls() const {
  return state_->server->is_tls();
}

void Monitor::serve() {
  state_->public_workers.start();
  state_->operator_workers.start();
  state_->server->serve(
      [state = state_.get()](const ReceivedRequest& request, const Server::Answer& answer) {
        state->answer(request, answer);
      });
}

void Monitor::stop() {
  state_->server->stop_taking();
  state_->public_workers.stop();
  state_->operator_workers.stop();
  state_->server->stop();
}

void Monitor::collect(MetricsSnapshot& metrics, const std::string& port) const {
  state_->server->collect(metrics, port);
}

}  // namespace ringgate::http
