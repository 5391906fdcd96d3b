// A client of a gateway, played: it comes, logs in, pings, asks, reads or does not read, and goes
// in one way or another. What it gets is judged here, as it comes.
//
// Its habits and its judgement are one class because what may come is known from what it has done.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "dataplane/transport.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/packets.h"
#include "tests/simulation/store.h"

namespace ringgate::sim {

struct ClientHabits {
  std::uint64_t think_ms = 20;  // between what it does, on average
  std::uint32_t most_burst = 4;
  std::uint32_t filler_bytes = 200;
  std::uint32_t stalls = 0;  // once in so many thoughts it does not read for a while
  std::uint32_t leaves = 60;
  std::uint32_t resets = 0;  // of the ways to leave
  std::uint32_t forges = 0;  // claims to be somebody else
  std::uint32_t errs = 0;    // sends what is no frame
  std::uint32_t half_closes = 0;
  std::uint64_t answer_timeout_ms = 30'000;
  std::uint64_t farewell_ms = 5'000;  // who has ended his side is waited for so long
  bool pushes_are_sliced = false;     // so that answers may overtake them
  bool pushes_are_dropped = false;    // where it does not read; it is told how many
  std::uint32_t groups = 0;
  bool talks = false;             // its services are the product's: it talks to others, too
  bool answers_in_order = false;  // one process answers all, on one link at a time
};

struct ClientPlan {
  std::uint32_t number = 0;
  std::function<std::uint32_t()> process;  // of its gateway now; kNone: it is not there
  std::uint32_t listener = 0;
  Transport transport = Transport::kTcp;
  std::string account;
  std::vector<std::uint8_t> login;  // the packet, without a frame
  // Of who talks: how many accounts there are, of how many clients each is, and where talks are
  // kept.
  std::uint32_t accounts = 1;
  std::uint32_t sharers = 1;
  const Stored* stored = nullptr;
};

[[nodiscard]] inline std::string account_of_client(std::uint32_t client, std::uint32_t sharers) {
  return "account" + std::to_string(client / sharers);
}

class Client {
 public:
  Client(Kernel& kernel, ClientPlan plan, const ClientHabits& habits);

  // Something came, or it thinks.
  void turn();
  void thought(std::uint32_t version);
  // From now on it starts nothing new and reads what comes.
  void calm();
  void leave();
  // The gateway, by whoever looks over its shoulder: the connection of that end is closed, and why.
  void closed_by_gateway(const Socket& its_end, std::string_view reason);
  // Its process has ended, whatever it was about to send.
  void lost_gateway() noexcept { reason_ = {}; }

  [[nodiscard]] bool connected() const noexcept { return socket_ != nullptr; }
  [[nodiscard]] bool logged_in() const noexcept { return logged_in_; }
  [[nodiscard]] bool has_gateway() const noexcept {
    return socket_ != nullptr && socket_->other != nullptr && !socket_->other->closed;
  }
  // Accepted, not only in the backlog.
  [[nodiscard]] bool is_let_in() const noexcept {
    return socket_ != nullptr && (socket_->other == nullptr || socket_->other->file.fd >= 0);
  }
  // For something that it is to get: in the backlog, nobody has promised it anything.
  [[nodiscard]] bool waits() const noexcept {
    return is_let_in() && (!asked_.empty() || pings_ > 0 || (!logged_in_ && !left_));
  }
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] const std::string& channel() const noexcept { return channel_; }
  [[nodiscard]] const std::string& account() const noexcept { return plan_.account; }
  [[nodiscard]] std::uint32_t number() const noexcept { return plan_.number; }
  // Pushes that have come on the link of that number.
  [[nodiscard]] std::uint32_t pushes_of(std::uint32_t epoch) const;
  // That it was told were dropped, since it came.
  [[nodiscard]] std::uint32_t dropped() const noexcept { return dropped_; }

  struct Tally {
    std::uint64_t logins = 0;
    std::uint64_t refused = 0;
    std::uint64_t answers = 0;
    std::uint64_t failures = 0;  // answered with a status
    std::uint64_t pongs = 0;
    std::uint64_t pushes = 0;
    std::uint64_t talks = 0;    // that have come
    std::uint64_t dropped = 0;  // pushes
    std::uint64_t voided = 0;   // requests whose connection ended before their answer
  };
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }

 private:
  enum class AskedKind : std::uint8_t { kEcho, kTalk, kMembership };
  struct Asked {
    std::uint32_t sequence = 0;
    std::uint32_t filler = 0;
    std::uint64_t at_ns = 0;
    AskedKind kind = AskedKind::kEcho;
  };
  struct OnLink {
    std::uint32_t epoch = 0;
    std::uint32_t last_push = 0;
    std::uint32_t last_answer = 0;
    std::uint32_t pushes = 0;
  };

  void come();
  void act();
  void ask();
  void talk();
  void change_membership();
  [[nodiscard]] std::string talk_text(std::uint32_t sequence) const;
  void ping();
  void err();
  void send_frame(ByteView payload);
  void send_frame_of(Opcode opcode, ByteView payload);
  void send_packet(const OutgoingHeader& header, ByteView body);
  void flush();
  void read();
  void read_tcp();
  void read_ws();
  void on_frame(Opcode opcode, ByteView payload);
  void on_packet(ByteView bytes, ByteView body);
  void on_answer(const HeaderScan& header, ByteView body);
  void on_talk_answer(const Asked& asked, ByteView body);
  void on_push(const HeaderScan& header, ByteView body);
  void on_talk(ByteView body);
  void count_dropped(ByteView header);
  [[nodiscard]] OnLink& on_link(std::uint32_t epoch);
  void ended();
  void forget();
  void think_after(std::uint64_t ms);
  void think();
  void fail(std::string_view what);

  Kernel& kernel_;
  Scheduler& scheduler_;
  Random& random_;
  ClientPlan plan_;
  ClientHabits habits_;
  Socket* socket_ = nullptr;
  Pipe outbox_;
  Pipe inbox_;
  std::vector<std::uint8_t> body_;
  std::vector<std::uint8_t> packet_;
  std::vector<Asked> asked_;  // and not answered
  std::vector<OnLink> on_links_;
  std::string channel_;
  std::string_view reason_;                 // why the gateway has closed it
  std::unordered_set<std::int64_t> talks_;  // that have come
  std::uint32_t connections_ = 0;
  std::uint32_t next_sequence_ = 1;
  std::uint32_t last_answered_ = 0;
  std::uint32_t pings_ = 0;    // without a pong
  std::uint32_t dropped_ = 0;  // pushes
  std::uint32_t version_ = 0;
  std::uint64_t deaf_until_ns_ = 0;
  std::uint64_t left_ns_ = 0;
  bool upgraded_ = false;
  bool logged_in_ = false;
  bool ends_ = false;     // ends its side behind what is still to be sent
  bool left_ = false;     // has done so
  bool erred_ = false;    // has sent what is no frame
  bool closing_ = false;  // has got a close frame
  bool calm_ = false;
  Tally tally_;
};

}  // namespace ringgate::sim
