// The side that takes over: at start it asks whoever listens at its addresses for copies of its
// sockets, and, once it could serve, to leave them. Until then nothing has changed for the other:
// whatever goes wrong here, it goes on.
//
// begin() blocks, for five seconds at most for each answer; the rest is the control thread's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/loop.h"
#include "control/base/unique_fd.h"
#include "services/process/handover/offer.h"

namespace ringgate::handover {

struct Message;

class Taker {
 public:
  // `printed`: the addresses that this process is to listen at. Null: nobody who could be asked
  // listens at any of them, or who did has ended meanwhile.
  static Result<std::unique_ptr<Taker>> begin(const std::vector<std::string>& printed);
  ~Taker();
  Taker(const Taker&) = delete;
  Taker& operator=(const Taker&) = delete;

  [[nodiscard]] const Offer& offer() const noexcept { return offer_; }
  [[nodiscard]] int process() const noexcept { return process_; }
  // Those of that name, which are the caller's from now on; none is no error.
  [[nodiscard]] std::vector<int> take(std::string_view name);

  // From now on it is noticed when the other one ends by itself, or is about to: then there is
  // nothing to wait for. `about_to_end` is called for the latter; the former is gone().
  void watch(ControlLoop& loop, std::function<void()> about_to_end);
  void unwatch();  // before that loop ends
  // In the order in which they were given, once: nobody else has the ports any more.
  void when_gone(std::function<void()> then) { then_.push_back(std::move(then)); }
  // It is to go. It may have ended before it could say that it has: that counts as gone. After
  // watch().
  void go(const std::string& service_id);
  [[nodiscard]] bool is_gone() const noexcept { return state_ == State::kGone; }

  // It is to stay, since we cannot serve: the process is to end with this.
  void give_up(Error why) { failure_ = std::move(why); }
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }

 private:
  // Of the other process.
  enum class State : std::uint8_t { kServing, kAskedToGo, kGone };

  explicit Taker(UniqueFd other);
  // Whether there is one: it may end first.
  [[nodiscard]] Result<bool> read_offer();
  [[nodiscard]] Result<bool> take_message(Message& message);
  void hear();
  void gone();

  UniqueFd other_;  // none once it has gone
  const int process_;
  Offer offer_;
  std::vector<std::function<void()>> then_;
  std::vector<std::string> taken_;  // names of what the caller has
  bool hears_taken_ = false;        // the other one wants to know them
  std::function<void()> about_to_end_;
  ControlLoop* loop_ = nullptr;  // from watch() until it has gone
  ControlLoop::TimerId timer_ = 0;
  State state_ = State::kServing;
  std::optional<Error> failure_;
};

}  // namespace ringgate::handover
