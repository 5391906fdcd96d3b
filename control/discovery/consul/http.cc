#include "control/discovery/consul/http.h"

#include <curl/curl.h>

#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "control/base/text.h"

namespace ringgate::consul {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
// A host that vanished without a word is noticed while a question waits.
constexpr long kKeepaliveIdleS = 15;
constexpr long kKeepaliveIntervalS = 5;

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListFree>;

void append(List& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  if (list == nullptr) list.reset(longer);  // else it is what it was, and longer
}

// The last of that name, in any case of letters.
std::optional<std::string> header(CURL* handle, const char* name) {
  curl_header* found = nullptr;
  if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return std::nullopt;
  return std::string(found->value);
}

std::string of_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The machine's authorities are where OpenSSL's own functions would look: libcurl does not.
bool trust(CURL* handle, const std::string& ca_file) {
  const std::string file = ca_file.empty() ? of_environment("SSL_CERT_FILE") : ca_file;
  const std::string folder = ca_file.empty() ? of_environment("SSL_CERT_DIR") : "";
  const auto set = [handle](CURLoption option, const std::string& path) {
    return path.empty() || curl_easy_setopt(handle, option, path.c_str()) == CURLE_OK;
  };
  return set(CURLOPT_CAINFO, file) && set(CURLOPT_CAPATH, folder);
}

Failure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return Failure::kNone;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::kTimeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
      return Failure::kTls;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return Failure::kConnect;
    default:
      return Failure::kOther;
  }
}

}  // namespace

struct Http::Transfer {
  RequestId id = 0;
  CURL* handle = nullptr;
  List headers;
  Done done;
  std::string sent;
  std::string body;
  std::size_t head_bytes = 0;
  bool is_too_long = false;
  char error[CURL_ERROR_SIZE] = "";
  ControlLoop::TimerId failing = 0;  // It could not even be begun.

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { curl_easy_cleanup(handle); }

  std::string failure_text(CURLcode code) const {
    if (is_too_long) return "its answer is longer than we take";
    // libcurl's detailed text of a connection that fails has milliseconds in it.
    if (failure_of(code) == Failure::kTls && error[0] != '\0') return error;
    long os_error = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error);
    const bool names_error = code == CURLE_COULDNT_CONNECT && os_error != 0;
    return names_error ? std::strerror(static_cast<int>(os_error)) : curl_easy_strerror(code);
  }

  std::string address(CURLINFO which) const {
    char* text = nullptr;
    const bool is_known = curl_easy_getinfo(handle, which, &text) == CURLE_OK && text != nullptr;
    return is_known ? text : "";
  }

  Reply reply(CURLcode code) {
    Reply reply;
    reply.failure = is_too_long ? Failure::kTooLong : failure_of(code);
    if (reply.failure != Failure::kNone) {
      reply.failure_text = failure_text(code);
      return reply;
    }
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply.status);
    reply.own_address = address(CURLINFO_LOCAL_IP);
    reply.peer_address = address(CURLINFO_PRIMARY_IP);
    if (const auto index = header(handle, "X-Consul-Index")) reply.index = parse_number(*index);
    // An agent that follows its servers' stream knows nothing of a leader, and says "false".
    reply.has_leader = header(handle, "X-Consul-KnownLeader") != "false" ||
                       header(handle, "X-Consul-Query-Backend") == "streaming";
    reply.is_filtered = header(handle, "X-Consul-Results-Filtered-By-ACLs") == "true";
    reply.body = std::move(body);
    return reply;
  }
};

// What libcurl calls. None of these may call it back.
struct Http::Callbacks {
  static int on_socket(CURL* /*handle*/, curl_socket_t fd, int what, void* self, void* /*socket*/) {
    Http& http = *static_cast<Http*>(self);
    if (what == CURL_POLL_REMOVE) {
      http.loop_.unwatch(fd);
      return 0;
    }
    const auto until = what == CURL_POLL_IN    ? ControlLoop::Until::kReadable
                       : what == CURL_POLL_OUT ? ControlLoop::Until::kWritable
                                               : ControlLoop::Until::kEither;
    http.loop_.watch(fd, until, [&http, fd] { http.act(fd); });
    return 0;
  }

  static int on_timer(CURLM* /*multi*/, long timeout_ms, void* self) {
    Http& http = *static_cast<Http*>(self);
    http.loop_.cancel(std::exchange(http.timer_, 0));
    if (timeout_ms < 0) return 0;
    http.timer_ = http.loop_.after(std::chrono::milliseconds(timeout_ms), [&http] {
      http.timer_ = 0;
      http.act(CURL_SOCKET_TIMEOUT);
    });
    return 0;
  }

  static std::size_t on_head(char* /*line*/, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    transfer.head_bytes += size * count;
    transfer.is_too_long = transfer.head_bytes > kMaxHead;
    return transfer.is_too_long ? 0 : size * count;
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    if (transfer.body.size() + bytes > kMaxBody) {
      transfer.is_too_long = true;
      return 0;
    }
    transfer.body.append(data, bytes);
    return bytes;
  }
};

Result<std::unique_ptr<Http>> Http::create(ControlLoop& loop, const Options& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return run_error("libcurl: {}", curl_easy_strerror(ready));
  const curl_version_info_data* const version = curl_version_info(CURLVERSION_NOW);
  if ((version->features & CURL_VERSION_ASYNCHDNS) == 0) {
    return run_error(
        "this libcurl ({}) blocks while it resolves names; take one with the threaded resolver",
        version->version);
  }
  if (options.url.starts_with("https:") && (version->features & CURL_VERSION_SSL) == 0) {
    return run_error("this libcurl ({}) speaks no TLS; take one that does, or an http ConsulURL",
                     version->version);
  }
  CURLM* const multi = curl_multi_init();
  if (multi == nullptr) return run_error("libcurl cannot start: out of memory or of open files");
  return std::unique_ptr<Http>(new Http(loop, options, multi));
}

Http::Http(ControlLoop& loop, const Options& options, void* multi)
    : loop_(loop),
      url_(options.url),
      ca_file_(options.ca_file),
      token_(options.token),
      multi_(multi) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Callbacks::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Callbacks::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

Http::~Http() {
  while (!transfers_.empty()) abandon(transfers_.begin()->first);
  curl_multi_cleanup(multi_);
  loop_.cancel(timer_);
}

bool Http::prepare(Transfer& transfer, const Request& request) {
  CURL* const handle = transfer.handle = curl_easy_init();
  if (handle == nullptr) return false;
  const auto set = [handle](CURLoption option, auto value) {
    return curl_easy_setopt(handle, option, value) == CURLE_OK;
  };
  const std::string url = request.url.empty() ? url_ + request.path : request.url;
  bool done = set(CURLOPT_URL, url.c_str()) && set(CURLOPT_PROTOCOLS_STR, "http,https") &&
              set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  // An agent is a neighbour: a proxy that the environment names is for other traffic.
  done = done && set(CURLOPT_PROXY, "") && set(CURLOPT_NOSIGNAL, 1L);
  // A name server that hangs must not hold up the thread that gives up on it.
  done = done && set(CURLOPT_QUICK_EXIT, 1L);
  done = done && set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs) &&
         set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  done = done && set(CURLOPT_TCP_KEEPALIVE, 1L) && set(CURLOPT_TCP_KEEPIDLE, kKeepaliveIdleS) &&
         set(CURLOPT_TCP_KEEPINTVL, kKeepaliveIntervalS);
  done = done && set(CURLOPT_ERRORBUFFER, transfer.error);
  done = done && set(CURLOPT_HEADERFUNCTION, &Callbacks::on_head) &&
         set(CURLOPT_HEADERDATA, &transfer);
  done = done && set(CURLOPT_WRITEFUNCTION, &Callbacks::on_body) &&
         set(CURLOPT_WRITEDATA, &transfer) && set(CURLOPT_PRIVATE, &transfer);
  if (!request.url.empty()) {
    // A process of ours, by the address that it registered: see write_check() in json.cc.
    done = done && set(CURLOPT_SSL_VERIFYPEER, 0L) && set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  done = done && trust(handle, ca_file_);
  if (!token_.empty() && request.url.empty()) append(transfer.headers, "X-Consul-Token: " + token_);
  if (!request.bearer.empty()) {
    append(transfer.headers, "Authorization: Bearer " + request.bearer);
  }
  if (request.is_put) {
    transfer.sent = request.body;
    append(transfer.headers, "Content-Type: application/json");
    append(transfer.headers, "Expect:");
    done = done && set(CURLOPT_POSTFIELDS, transfer.sent.c_str()) &&
           set(CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer.sent.size())) &&
           set(CURLOPT_CUSTOMREQUEST, "PUT");
  }
  if (request.is_post) {
    done = done && set(CURLOPT_POSTFIELDS, "") && set(CURLOPT_POSTFIELDSIZE, 0L);
  }
  return done && set(CURLOPT_HTTPHEADER, transfer.headers.get());
}

Http::RequestId Http::send(const Request& request, Done done) {
  const RequestId id = next_++;
  auto transfer = std::make_unique<Transfer>();
  transfer->id = id;
  transfer->done = std::move(done);
  // Both fail only without memory. Even so the answer does not come before send() has returned.
  if (!prepare(*transfer, request) || curl_multi_add_handle(multi_, transfer->handle) != CURLM_OK) {
    transfer->failing = loop_.after(std::chrono::milliseconds(0), [this, id] {
      const std::unique_ptr<Transfer> failed = std::move(transfers_.at(id));
      transfers_.erase(id);
      failed->done(failed->reply(CURLE_OUT_OF_MEMORY));
    });
  }
  transfers_.emplace(id, std::move(transfer));
  return id;
}

void Http::abandon(RequestId id) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end()) return;
  loop_.cancel(found->second->failing);
  curl_multi_remove_handle(multi_, found->second->handle);
  transfers_.erase(found);
}

void Http::act(int fd) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, 0, &running);
  reap();
}

void Http::reap() {
  std::vector<std::pair<RequestId, CURLcode>> ended;
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    ended.emplace_back(reinterpret_cast<Transfer*>(transfer)->id, message->data.result);
  }
  for (const auto& [id, code] : ended) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) continue;  // abandoned by the callback of another one
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    transfers_.erase(found);
    Reply reply = transfer->reply(code);
    curl_multi_remove_handle(multi_, transfer->handle);
    transfer->done(std::move(reply));
  }
}

void Http::finish(std::chrono::milliseconds limit, const std::function<bool()>& wanted) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (wanted()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    int running = 0;
    curl_multi_perform(multi_, &running);
    reap();
    if (wanted()) curl_multi_poll(multi_, nullptr, 0, static_cast<int>(left.count()), nullptr);
  }
}

std::string Http::escape(std::string_view text) {
  const std::unique_ptr<char, void (*)(void*)> escaped(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), &curl_free);
  return escaped == nullptr ? std::string() : std::string(escaped.get());
}

}  // namespace ringgate::consul
