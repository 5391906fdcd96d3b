// The links of the played service: accepted from gateways, shaken hands on, their frames taken
// apart, what is written to them sent. At most one send is in flight on a link; what is written
// meanwhile goes with the next one.
//
// Owned by the thread of the played service and used by no other, but for ready(). A LinkId may be
// kept for as long as one likes: it stands for nothing once its link has ended. A payload handed to
// the user is valid for the call; room handed out is to be filled before flush().
//
// Neither the 10 s for a handshake nor the 3 min without a byte are kept: a gateway under
// measurement is trusted to end its links.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/ringbench/tally.h"
#include "codec/tcp_frame.h"
#include "dataplane/send_queue.h"

namespace ringgate::bench {

struct LinkId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  bool operator==(const LinkId&) const = default;
};

class ServiceLinks {
 public:
  static constexpr std::size_t kMaxFrameBytes = 16 * 1024 * 1024;
  // Pushes leave this much room to spare, so that answers find some, and so that what is pushed
  // does not grow old in here, where nobody would count it as the gateway's delay.
  static constexpr std::size_t kMaxPushedBytes = 1024 * 1024;
  // A gateway that has so many answers unread has stopped reading: its link is ended.
  static constexpr std::size_t kMaxQueuedBytes = 64 * 1024 * 1024;

  // Called from on_completion() and flush().
  class User {
   public:
    virtual void on_link_up(LinkId link, std::string_view gateway_id) = 0;
    virtual void on_link_packet(LinkId link, std::string_view gateway_id, ByteView payload) = 0;
    // Of a link that was up.
    virtual void on_link_down(LinkId link, std::string_view gateway_id) = 0;
    virtual void on_accept_failed(int error) = 0;

   protected:
    ~User() = default;
  };

  // User and tally outlive it; the ring lives as long as it is used. Errors are counted in `tally`.
  ServiceLinks(BenchRing& ring, User& user, Tally& tally)
      : ring_(ring), user_(user), tally_(tally) {}
  ~ServiceLinks();
  ServiceLinks(const ServiceLinks&) = delete;
  ServiceLinks& operator=(const ServiceLinks&) = delete;

  // Listening sockets, which stay their owner's and open as long as the ring.
  void accept_from(std::span<const int> listeners);
  void on_completion(const io_uring_cqe& cqe);
  // Whether a completion of the ring is one of these.
  [[nodiscard]] static bool owns(const io_uring_cqe& cqe) noexcept {
    return (cqe.user_data & kOurs) != 0;
  }
  // After the completions of a batch: received bytes go back to the kernel.
  void end_batch();
  // Sends what was written.
  void flush();

  // Room for exactly so many bytes at the end of the link's queue; null when the link has ended.
  [[nodiscard]] std::uint8_t* room(LinkId link, std::size_t bytes);
  // Whether a push of so many bytes may be written.
  [[nodiscard]] bool has_push_room(LinkId link, std::size_t bytes) const;
  // Some link that is up of that gateway.
  [[nodiscard]] std::optional<LinkId> find(std::string_view gateway_id) const;

  // Any thread: from now on gateways may end their links, which is no error.
  void expect_ends() noexcept { ends_expected_.store(true, std::memory_order_relaxed); }
  // Ends every link, accepts no more, and waits until the kernel has let go of all sockets, at most
  // a second: a multishot accept would hold its port for a while after the ring's own end.
  void close_all();

  // Any thread: links that have shaken hands, 0 while a listener has none.
  [[nodiscard]] unsigned ready() const noexcept { return ready_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kMaxPieces = 64;  // of one send, as SendQueue has it

  static constexpr std::uint8_t kOurs = 0x80;  // of a ring that may be another's, too
  enum class Kind : std::uint8_t { kAccept = kOurs, kRecv, kSend, kCancel };
  // `which`: a slot, or a listener.
  static constexpr std::uint64_t tag(Kind kind, std::uint32_t which) noexcept {
    return (std::uint64_t{which} << 8) | static_cast<std::uint8_t>(kind);
  }

  struct Link {
    LinkId id;
    int fd = -1;  // -1: the slot is free
    std::uint32_t listener = 0;
    bool up = false;
    bool ending = false;  // once what is queued has been sent
    bool broken = false;  // shut down: only its completions are waited for
    bool receiving = false;
    bool sending = false;
    bool dirty = false;  // on the list of this batch
    std::string gateway_id;
    std::vector<std::uint8_t> partial;  // of a frame not yet complete
    SendQueue queue;
    std::array<iovec, kMaxPieces> pieces{};
    msghdr message{};
  };

  void on_accept(std::uint32_t listener, const io_uring_cqe& cqe);
  void on_recv(Link& link, const io_uring_cqe& cqe);
  void on_send(Link& link, int result);
  void arm_accept(std::uint32_t listener);
  void cancel_accepts();
  [[nodiscard]] bool holds_sockets() const;
  Link& take_slot();
  void take_bytes(Link& link, ByteView bytes);
  std::size_t take_frames(Link& link, ByteView bytes);  // how many bytes of it are done with
  void on_frame(Link& link, const Frame& frame);
  void shake_hands(Link& link, const Frame& frame);
  void write_frame(Link& link, Opcode opcode, ByteView payload);
  void send_queued(Link& link);
  void lose_link(Link& link);  // that should have gone on
  void break_link(Link& link, std::optional<ErrorKind> error);
  void free_when_idle(Link& link);
  void mark_dirty(Link& link);
  void publish_ready();
  [[nodiscard]] const Link* get(LinkId id) const;
  void count(ErrorKind kind) { ++tally_.errors[static_cast<std::size_t>(kind)]; }

  BenchRing& ring_;
  User& user_;
  Tally& tally_;
  BlockPool pool_;
  std::vector<int> listeners_;
  std::vector<std::uint32_t> accepts_to_arm_;
  unsigned armed_accepts_ = 0;
  bool closing_ = false;
  std::vector<std::unique_ptr<Link>> links_;  // by slot; never move
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> flushing_;
  std::vector<std::uint32_t> starved_;  // whose recv ended for want of buffers
  std::atomic<unsigned> ready_{0};
  std::atomic<bool> ends_expected_{false};
};

}  // namespace ringgate::bench
