// The side that has the ports: another process of the same user may ask for copies of its
// listening sockets, and, once it serves, that this one leaves them to it and drains.
//
//   "take 1"                      what is offered: "sockets NAME" with files, ..., then "offer ..."
//   "took NAME"                   one of those that it uses, before "go"
//   "go SERVICE_ID"               nobody is accepted any more: "gone"
//
// One that ends meanwhile says "draining": then there is nothing to wait for. An end of the
// connection before "go" changes nothing. One taker at a time.
//
// Owned by the control thread, which it never holds up.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/loop.h"
#include "control/base/unique_fd.h"
#include "services/process/handover/message.h"
#include "services/process/handover/offer.h"

namespace ringgate::handover {

class Giver {
 public:
  struct Handlers {
    std::function<Offer()> offer;
    std::function<void(Going)> go;
  };

  // `loop` outlives this, and does not run any more when this ends.
  Giver(ControlLoop& loop, Handlers handlers);
  ~Giver();
  Giver(const Giver&) = delete;
  Giver& operator=(const Giver&) = delete;

  // Listens for takers of these addresses, those that it does not yet; to be called again now and
  // then, since a predecessor may still have them.
  void listen(const std::vector<std::string>& printed);
  // This process has begun to drain. It may still be taken over: its ports are not free yet.
  void tell_draining();
  [[nodiscard]] bool has_taker() const { return bool{taker_}; }
  // Nobody can take over any more.
  void stop();

 private:
  void take_in(int listener);
  void refuse(UniqueFd taker, std::string_view why);
  void hear();
  void answer(const Message& message);
  [[nodiscard]] Result<void> offer();
  void drop_taker();

  ControlLoop& loop_;
  const Handlers handlers_;
  std::map<std::string, UniqueFd> listeners_;  // by address
  UniqueFd taker_;
  std::set<std::string> taken_;  // what it said that it uses
  UniqueFd refused_;             // the last one
  bool is_over_ = false;
  bool is_told_ = false;  // that nobody can take over an address
};

}  // namespace ringgate::handover
