// One simulated client: where its connection stands, what it waits for, what it has to send.
// Belongs to one worker thread and never moves.
#pragma once

#include <cstdint>

#include "benchmarks/ringbench/pending.h"
#include "dataplane/connection.h"
#include "dataplane/send_queue.h"

namespace ringgate::bench {

//   kClosed ─▶ kConnecting ─▶ kSecuring (TLS) ─▶ kUpgrading (WebSocket) ─▶ kLoggingIn ─▶ kReady ─▶
//   kClosing ─▶ kClosed
// and from each of them kLost, when the target or the network ended it, then kClosed.
enum class ClientState : std::uint8_t {
  kClosed,
  kConnecting,
  kSecuring,
  kUpgrading,
  kLoggingIn,
  kReady,
  kClosing,  // a login of the load is over: we have said so and wait for the target to close
  kLost,
};

struct Client {
  SendQueue output;
  Carry input;  // the start of a frame, or of the answer to an upgrade
  PendingQueue pending;
  std::uint64_t began_ns = 0;      // of the login under way: when it was meant to begin
  std::uint32_t last_sent_ms = 0;  // since the run began: silent clients are kept alive
  std::uint32_t sequence = 0;      // of the request last written
  std::uint32_t logins = 0;        // begun so far: a part of the account
  std::uint32_t next_talk = 0;     // number of the next talk to the partner
  std::uint32_t next_number = 0;   // lowest number that the next delivery may have
  std::uint16_t generation = 0;    // of the slot, in user_data
  ClientState state = ClientState::kClosed;
  std::uint8_t attempts = 0;       // of the set-up that came to nothing
  bool login_counted : 1 = false;  // the login under way belongs to the window
  bool cycle_counted : 1 = false;  // and so does its connection's end, which is still to come
  bool cycle_open : 1 = false;     // it is a login of the load, and its slot is not free again
  bool gave_up : 1 = false;        // on the target's close: it was ringbench that closed
  bool retry : 1 = false;          // to be opened again: it was lost in the set-up
  bool receiving : 1 = false;      // a recv is armed
  bool sending : 1 = false;        // a send is in flight
  bool reset : 1 = false;          // a send found the connection reset; what came before is to read
  bool closing : 1 = false;        // the close of the slot is in flight
  bool dirty : 1 = false;          // on the list of clients with something to send
  bool heard : 1 = false;          // something was answered in the window
  bool starved : 1 = false;        // its recv ended for want of buffers, and is to be armed again
};
static_assert(sizeof(Client) <= 96, "a million of them are held");

}  // namespace ringgate::bench
