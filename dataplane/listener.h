// Listening sockets. Set-up code, any thread.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/error.h"
#include "codec/ws_upgrade.h"
#include "dataplane/tls_context.h"
#include "dataplane/transport.h"

namespace ringgate {

// Where to listen. An empty host is all interfaces, IPv6 and IPv4.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;  // 0: any free port
};

// What the kernel holds for a client that does not take it; 0: as much, or as long, as it likes.
struct SendBounds {
  std::uint32_t unacknowledged_ms = 0;  // then the connection ends: TCP_USER_TIMEOUT of tcp(7)
  // Beyond this much that cannot be sent yet it takes no more: TCP_NOTSENT_LOWAT. What is on its
  // way does not count, so a long fat network loses nothing.
  std::uint32_t unsent_bytes = 0;

  bool operator==(const SendBounds&) const = default;
};

// One listener of each of `count` shards on the same address (SO_REUSEPORT when count > 1), with
// TCP_NODELAY, which accepted sockets inherit. Owned fds, closed by the destructor.
//
// Sockets may be another process's, which gives them to us: what waits in their backlogs is then
// ours, and both may have them for a while. Each of them is accepted from by one of our shards: a
// shard has several where there are more than shards.
class ListenerSet {
 public:
  // A taken port is an error that names it. Since SO_REUSEPORT would let a second process bind a
  // taken port in silence, the port is first bound without it; `takeover` skips that.
  static Result<ListenerSet> open(const ListenAddress& address, std::uint32_t count, bool takeover);
  // A socket in the file system, which all shards accept from; its file goes with this. One that a
  // process listens on is an error, unless `takeover`: then the file becomes ours.
  static Result<ListenerSet> open_unix(const std::string& path, std::uint32_t count, bool takeover);
  // Takes over sockets that listen at `address`, owned from now on also on an error; none is as
  // open() with `takeover`.
  static Result<ListenerSet> adopt(const ListenAddress& address, std::uint32_t count,
                                   std::vector<int> sockets);
  // The same of one in the file system, which has one for all.
  static Result<ListenerSet> adopt_unix(const std::string& path, std::uint32_t count,
                                        std::vector<int> sockets);
  // What printed() will be of that address, which nothing is bound to for it.
  static Result<std::string> print(const ListenAddress& address);
  ListenerSet() = default;
  ~ListenerSet();
  ListenerSet(ListenerSet&& other) noexcept;
  ListenerSet& operator=(ListenerSet&& other) noexcept;

  // Of a shard; of several, the one that its accept of that number is for.
  [[nodiscard]] int fd(std::uint32_t index, std::uint32_t accept = 0) const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // "127.0.0.1:8001", "[::]:8000", "unix:/run/ringgate.sock"
  [[nodiscard]] const std::string& printed() const noexcept { return printed_; }

  // Of connections that are accepted from now on. A socket in the file system has none.
  void set_send_bounds(std::uint32_t index, const SendBounds& bounds) noexcept;

  // The fd must not be in use by the ring any more.
  void close_one(std::uint32_t index);
  // A shard that is full closes its listener, or the kernel goes on giving it clients. A socket in
  // the file system has one backlog for all shards: it stays open, and others accept from it.
  void leave_one(std::uint32_t index);
  [[nodiscard]] Result<int> reopen_one(std::uint32_t index);

  // Copies of those that are open at present, for another process; the caller owns them. Any
  // thread: shards may close and open theirs meanwhile.
  [[nodiscard]] std::vector<int> copies();
  // The file of a socket in the file system is another process's from now on. The thread that
  // destroys this.
  void leave_file() noexcept { file_.clear(); }
  // What was adopted is ours alone from now on, a file, too: before any shard accepts, and when the
  // other process does not any more. It may have made them not to wait; a ring waits by itself.
  void now_ours();

 private:
  [[nodiscard]] Result<void> share_out(std::uint32_t count);
  void own_file();
  [[nodiscard]] bool listens_here(int fd) const;
  void set(std::size_t at, int fd);
  void remove_file() noexcept;

  std::vector<int> fds_;     // of shard i: i, i + count_, i + 2 * count_, ...; -1: closed
  std::uint32_t count_ = 1;  // of shards
  bool in_file_system_ = false;
  std::string file_;  // of a socket in the file system
  dev_t file_device_ = 0;
  ino_t file_number_ = 0;  // which of that name is ours
  sockaddr_storage address_{};
  socklen_t address_bytes_ = 0;
  std::uint16_t port_ = 0;
  std::string printed_;
};

// One address that a group of shards accepts on, and what its clients speak.
struct Listener {
  ListenerSet sockets;
  Transport transport = Transport::kTcp;
  WsUpgradeOptions upgrade{};  // of WebSocket
  // What trusted proxies connect begins with a PROXY header; not said: as ShardOptions has it.
  std::optional<bool> proxy_protocol{};
  TlsContext tls{};  // none: plain
};

}  // namespace ringgate
