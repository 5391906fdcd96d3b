// A small HTTP/1.1 server for probes and operators' pages: one thread, one request per connection,
// and bounds on everything that a client can make it hold or wait for.
//
//   connections   in total and per peer. A new one always gets in: the one that loses least by it
//                 is closed, first of all the oldest that has not sent its request
//   a request     8 KiB of head, 100 lines, 4 KiB of body, `request_time` from accept to its end
//   an answer     `answer_time` until there is one, `take_time` for the client to take it;
//                 `max_answer_bytes` of all that are not taken yet
//   TLS           a handshake is a part of `request_time`, and waits for nobody
//   descriptors   a few in reserve (Listener); without any it pauses, and tries again
//
// It owns its thread, its loop and its sockets. The handler runs on that thread and must not wait:
// what takes time goes elsewhere and answers later.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "codec/http_request.h"
#include "control/base/error.h"
#include "control/base/loop.h"
#include "control/http/bounds.h"
#include "control/http/listener.h"
#include "control/http/reply.h"
#include "control/http/stream.h"
#include "control/observe/metrics.h"

namespace ringgate::http {

class Server {
 public:
  // Any thread, while the server lives. The first call counts; one that comes too late does
  // nothing.
  using Answer = std::function<void(Reply)>;
  // The request is valid for the call.
  using Handler = std::function<void(const ReceivedRequest&, Answer)>;

  // Listens, so that clients may connect, but answers nothing before serve(). See Listener.
  static Result<std::unique_ptr<Server>> listen(const std::string& address, std::uint16_t port,
                                                const std::string& key, const Bounds& bounds);
  // The same with a socket that listens already: Listener::adopt.
  static Result<std::unique_ptr<Server>> adopt(UniqueFd socket, const Bounds& bounds);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] const Endpoint& bound() const noexcept { return bound_; }

  // use_tls(), serve(), stop_taking() and stop() are for one thread at a time.
  // From now on connections begin with a handshake of this. Before serve() it makes the port speak
  // TLS; later it replaces what it began with.
  void use_tls(TlsContext context);
  // Any thread, from serve() on.
  [[nodiscard]] bool is_tls() const noexcept { return is_tls_; }
  void serve(Handler handler);  // starts the thread; once
  // The port is another process's from now on, whatever waits in its backlog, too; who is connected
  // is still answered. Waits until it is so, for a second at most.
  void leave_port();
  // The socket, for another process; before leave_port().
  [[nodiscard]] UniqueFd copy_socket() const { return listener_.copy(); }
  // Frees the port and calls the handler no more, soon; what it was asked may still be answered.
  void stop_taking();
  // Ends the thread, within half a second whatever clients do.
  void stop();

  // Any thread. `port` is the label that tells this server's series from another's.
  void collect(MetricsSnapshot& metrics, const std::string& port) const;

 private:
  enum class State : std::uint8_t { kLingering, kReading, kWriting, kAnswering };
  enum class Dropped : std::uint8_t {
    kCrowded,
    kPeerCrowded,
    kNoDescriptor,
    kRequestTime,
    kAnswerTime,
    kTakeTime,
    kAnswerBytes,
    kCount,
  };
  using Peer = std::array<std::uint8_t, 16>;
  struct Connection {
    std::uint64_t id = 0;  // the older, the smaller
    Peer peer{};
    std::string peer_text{};
    Stream stream{};
    bool waits_for_room = false;  // while reading: a handshake's bytes do not fit the socket
    State state = State::kReading;
    HttpRequestReader reader{};
    bool head_only = false;
    std::string output{};
    std::size_t sent = 0;
    std::size_t discarded = 0;  // while lingering
    ControlLoop::TimerId timer = 0;
  };
  using Connections = std::map<std::uint64_t, Connection>;  // by id

  Server(std::unique_ptr<ControlLoop> loop, Listener listener, const Bounds& bounds);

  // server.cc: the port
  static Peer peer_of(const SocketAddress& address);
  void accept_some();
  void pause_accepting();
  void admit(UniqueFd socket, const SocketAddress& address);
  void make_room(const Peer& peer);
  void drop_least(const std::function<bool(const Connection&)>& of, Dropped why);
  void make_room_for_answers(const Connection& newest);
  [[nodiscard]] Connection* least_lost(const std::function<bool(const Connection&)>& of);
  void finish();
  void end_if_empty();

  // connection.cc: one connection
  void on_ready(std::uint64_t id);
  void on_time(std::uint64_t id);
  void wait_until(Connection& connection, ControlLoop::Until until);
  void expect_within(Connection& connection, std::chrono::milliseconds time);
  void read_some(Connection& connection);
  void take_request(Connection& connection);
  void wait_for_more(Connection& connection);
  void answer(Connection& connection, const Reply& reply);
  void send_some(Connection& connection);
  void linger(Connection& connection);
  void discard_some(Connection& connection);
  void drop(Connection& connection, Dropped why);
  void close(Connection& connection);
  void count(Dropped why);

  const Bounds bounds_;
  const Endpoint bound_;
  std::unique_ptr<ControlLoop> loop_;
  Listener listener_;
  Handler handler_;
  bool is_tls_ = false;
  std::thread thread_;

  // The thread's alone.
  Connections connections_;
  TlsContext tls_;  // none: plain
  std::uint64_t next_id_ = 1;
  std::size_t answer_bytes_ = 0;  // of the outputs
  bool has_left_ = false;         // the port is another's
  bool ending_ = false;           // nothing new is taken
  bool finishing_ = false;        // and the thread ends with the last connection

  // Written by the thread, read by any.
  std::atomic<std::size_t> open_{0};
  std::atomic<std::uint64_t> pauses_{0};
  std::array<std::atomic<std::uint64_t>, 600> answers_{};  // by status
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Dropped::kCount)> dropped_{};
};

}  // namespace ringgate::http
