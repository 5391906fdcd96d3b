// Requests to one Consul agent, over one libcurl multi handle that the control loop drives: names
// resolve on libcurl's own threads, and nothing blocks but finish(). Control thread only; the loop
// outlives it.
//
// What an answer may cost is bounded: 64 KiB of head, 16 MiB of body, and the time given.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/loop.h"
#include "control/discovery/consul/options.h"

namespace ringgate::consul {

enum class Failure : std::uint8_t {
  kNone,     // There is an answer: see its status.
  kConnect,  // No connection, or it broke.
  kTimeout,
  kTls,
  kTooLong,
  kOther,
};

struct Reply {
  Failure failure = Failure::kNone;
  std::string failure_text;  // Stays the same for the same cause: no times, no counts.
  long status = 0;
  std::string body;
  std::string own_address;             // of the connection: ours,
  std::string peer_address;            // and the agent's
  std::optional<std::uint64_t> index;  // X-Consul-Index
  bool has_leader = true;              // X-Consul-KnownLeader, where it is said and meant
  bool is_filtered = false;            // X-Consul-Results-Filtered-By-ACLs: there is more

  [[nodiscard]] bool is_ok() const { return failure == Failure::kNone && status == 200; }
};

struct Request {
  bool is_put = false;
  bool is_post = false;  // without a body
  std::string path;      // With its query, both escaped: "/v1/agent/service/chat01".
  // In place of the agent and a path; our token stays with us. Over https nobody's certificate is
  // looked at: it is asked whether somebody lives.
  std::string url;
  std::string body;      // JSON, of a PUT.
  std::string bearer{};  // Of an admin port of ours (RFC 6750); empty: none.
  std::chrono::milliseconds timeout{5'000};
};

class Http {
 public:
  using RequestId = std::uint64_t;  // never 0
  // Comes from the loop, or from finish(). It may send and abandon requests, but not destroy this.
  using Done = std::function<void(Reply)>;

  static constexpr std::size_t kMaxHead = 64 * 1024;
  static constexpr std::size_t kMaxBody = 16 * 1024 * 1024;

  static Result<std::unique_ptr<Http>> create(ControlLoop& loop, const Options& options);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  RequestId send(const Request& request, Done done);
  // Its callback does not come any more. One that has come, or 0, is no error.
  void abandon(RequestId id);
  void use_token(std::string token) { token_ = std::move(token); }

  // Goes on with what was sent, without the loop, while `wanted` and at most so long. Blocks.
  void finish(std::chrono::milliseconds limit, const std::function<bool()>& wanted);

  // As a part of a path, or a value of a query.
  static std::string escape(std::string_view text);

 private:
  struct Transfer;
  struct Callbacks;
  Http(ControlLoop& loop, const Options& options, void* multi);
  bool prepare(Transfer& transfer, const Request& request);
  void act(int fd);
  void reap();

  ControlLoop& loop_;
  const std::string url_;
  const std::string ca_file_;
  std::string token_;
  void* const multi_;  // CURLM
  ControlLoop::TimerId timer_ = 0;
  RequestId next_ = 1;
  std::map<RequestId, std::unique_ptr<Transfer>> transfers_;
};

}  // namespace ringgate::consul
