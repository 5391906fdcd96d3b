// A logic service, played: it answers what gateways forward to it, keeps who is logged in, kicks
// out older logins, on whichever gateway they are, and pushes. What comes on a link is judged here:
// nothing twice, nothing out of order, and nobody under another's name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/pkt.pb.h"
#include "codec/text_hash.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/packets.h"

namespace ringgate::sim {

// How it errs; each once in so many times.
struct ServiceFaults {
  std::uint32_t late = 0;     // an answer comes some time later
  std::uint32_t forgets = 0;  // or never
  std::uint32_t doubles = 0;  // or twice
  std::uint32_t fails = 0;    // with a status
  std::uint32_t pushes = 0;   // beside an answer, to somebody who is logged in
  std::uint32_t most_receivers = 1;
  std::uint32_t most_push_bytes = 4000;
  bool kicks = false;
  std::uint64_t most_late_ms = 100;
};

class PlayedService {
 public:
  PlayedService(Kernel& kernel, std::uint32_t index);
  PlayedService(const PlayedService&) = delete;
  PlayedService& operator=(const PlayedService&) = delete;

  ServiceFaults faults;
  bool links_are_lost = false;  // and with them packets: what comes may be about what has not come

  // That gateway has dialled; `socket` is this one's end.
  void connected(Socket& socket, std::uint32_t epoch, std::string gateway_id);
  void turn();
  // An answer that was put off is due.
  void answer_late(std::uint32_t answer);
  // Its process is killed: links are reset, answers forgotten. Who was logged in it knows again.
  void die();
  // Some silence: nothing is read.
  void stand_still(std::uint64_t ms);

  // What it has pushed to that channel on that link.
  [[nodiscard]] std::uint32_t pushed(std::string_view channel, std::uint32_t epoch) const;
  [[nodiscard]] std::size_t links() const noexcept { return links_.size(); }
  [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }
  struct Account {
    std::uint64_t signins = 0;
    std::uint64_t signouts = 0;  // of those
    std::uint64_t kicked = 0;    // told to go
    std::uint64_t kicked_and_signed_out = 0;
  };
  [[nodiscard]] const Account& account() const noexcept { return account_; }

 private:
  struct Link {
    Socket* socket = nullptr;
    std::string gateway_id;
    std::uint32_t epoch = 0;
    std::uint32_t number = 0;  // of the last packet
    bool greeted = false;
    Pipe inbox;
    Pipe outbox;
  };
  struct OnLink {
    std::uint32_t epoch = 0;
    std::uint32_t last_sequence = 0;
    std::uint32_t pushes = 0;
  };
  struct Channel {
    std::string account;
    bool signed_in = false;
    bool signed_out = false;
    bool kicked = false;
    std::vector<OnLink> on_links;
  };
  struct Answer {
    std::uint32_t epoch = 0;
    std::string command;
    std::string channel;
    Mark mark;
    std::uint32_t filler = 0;
    Status status = Status::kSuccess;
    bool waits = false;
  };
  using Channels = std::unordered_map<std::string, Channel, TextHash, std::equal_to<>>;

  void read(Link& link);
  void on_packet(Link& link, ByteView payload);
  [[nodiscard]] bool scan(ByteView bytes, HeaderScan& header);
  void on_signin(Link& link, const HeaderScan& header);
  void on_signout(const Link& link, const HeaderScan& header);
  void on_request(Link& link, const HeaderScan& header, ByteView body);
  void kick(const std::string& account, std::string_view by);
  void answer(Link& link, Answer& answer);
  void say(Link& link, const Answer& answer);
  void push();
  void push_to(Link& link, const std::vector<std::uint32_t>& chosen);
  void put_off(Answer answer);
  void send(Link& link);
  Link* link_of(std::uint32_t epoch);
  Link* link_to(std::string_view channel);  // the gateway of that channel
  Channel& channel(std::string_view id);
  OnLink& on_link(Channel& channel, std::uint32_t epoch);
  void fail(std::string_view what, const HeaderScan& header);

  Kernel& kernel_;
  Scheduler& scheduler_;
  Random& random_;
  std::uint32_t index_;
  std::vector<std::unique_ptr<Link>> links_;
  Channels channels_;
  std::unordered_map<std::string, std::string> of_account_;  // its newest channel
  std::vector<std::string> known_;                           // channels that were signed in
  std::vector<Answer> late_;
  std::vector<std::uint32_t> free_late_;
  std::vector<std::uint8_t> body_;
  pkt::Header whole_;  // what a scan refers to that was not canonical
  std::uint64_t requests_ = 0;
  std::uint64_t stands_until_ns_ = 0;
  Account account_;
};

}  // namespace ringgate::sim
