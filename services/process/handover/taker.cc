#include "services/process/handover/taker.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include "services/process/handover/message.h"

namespace ringgate::handover {
namespace {

// It takes a turn of each of its shards.
constexpr std::chrono::milliseconds kGoPatience{5000};

// One that is ending has closed its side, and its ports, before it is gone.
constexpr int kEndPatienceMs = 5000;

bool has_ended(int process) {
  if (process <= 0) return true;  // of another namespace, which we cannot see
  const UniqueFd end(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!end) return true;
  pollfd waiting{end.get(), POLLIN, 0};
  return poll(&waiting, 1, kEndPatienceMs) > 0;
}

}  // namespace

Taker::Taker(UniqueFd other) : other_(std::move(other)), process_(process_of(other_.get())) {}

Taker::~Taker() {
  unwatch();
}

void Taker::unwatch() {
  if (loop_ == nullptr) return;
  loop_->cancel(timer_);
  loop_->unwatch(other_.get());
  loop_ = nullptr;
}

Result<std::unique_ptr<Taker>> Taker::begin(const std::vector<std::string>& printed) {
  for (const std::string& address : printed) {
    Result<UniqueFd> other = connect_to(address);
    if (!other) return std::unexpected(other.error());
    if (!*other) continue;
    if (!is_our_user(other->get())) {
      return run_error(
          "--takeover: process {}, which has {}, runs as another user: start this one "
          "as the same",
          process_of(other->get()), address);
    }
    std::unique_ptr<Taker> taker(new Taker(std::move(*other)));
    const Result<bool> is_there = taker->read_offer();
    if (!is_there) return std::unexpected(is_there.error());
    if (*is_there) return taker;
  }
  return nullptr;
}

Result<bool> Taker::read_offer() {
  if (!send(other_.get(), "take 1") && has_ended(process_)) return false;
  for (;;) {
    Message message;
    const Received what = receive(other_.get(), message);
    if (what == Received::kEnd && has_ended(process_)) return false;
    if (what != Received::kMessage) {
      return run_error("--takeover: process {}, which has the port, does not answer", process_);
    }
    const Result<bool> done = take_message(message);
    if (!done) return std::unexpected(done.error());
    if (*done) return true;
  }
}

// Whether it was the last.
Result<bool> Taker::take_message(Message& message) {
  constexpr std::string_view kSockets = "sockets ";
  constexpr std::string_view kNo = "no ";
  if (message.text.starts_with(kSockets)) {
    const std::string name = message.text.substr(kSockets.size());
    auto at = std::ranges::find(offer_.sockets, name, &Sockets::name);
    if (at == offer_.sockets.end()) at = offer_.sockets.insert(at, Sockets{name, {}});
    std::ranges::move(message.files, std::back_inserter(at->copies));
    return false;
  }
  std::istringstream words(message.text);
  std::string what, state, wants;
  words >> what >> offer_.service_id >> offer_.gateway_id >> state >> wants;
  if (what == "draining") return false;  // the offer says so, too
  if (what == "offer" && !state.empty()) {
    offer_.ready = state == "ready";
    hears_taken_ = wants == "took";
    return true;
  }
  return run_error(
      "--takeover: process {}, which has the port, refuses: {}", process_,
      message.text.starts_with(kNo) ? message.text.substr(kNo.size()) : "it is of another version");
}

std::vector<int> Taker::take(std::string_view name) {
  std::vector<int> sockets;
  const auto at = std::ranges::find(offer_.sockets, name, &Sockets::name);
  if (at == offer_.sockets.end()) return sockets;
  for (UniqueFd& copy : at->copies) sockets.push_back(copy.release());
  offer_.sockets.erase(at);
  taken_.emplace_back(name);
  return sockets;
}

void Taker::watch(ControlLoop& loop, std::function<void()> about_to_end) {
  loop_ = &loop;
  about_to_end_ = std::move(about_to_end);
  loop_->watch(other_.get(), ControlLoop::Until::kReadable, [this] { hear(); });
}

void Taker::go(const std::string& service_id) {
  if (state_ != State::kServing) return;
  state_ = State::kAskedToGo;
  timer_ = loop_->after(kGoPatience, [this] {
    spdlog::warn("process {} has not left its ports in time; they are used all the same", process_);
    gone();
  });
  bool is_told = true;
  for (const std::string& name : taken_) {
    if (hears_taken_) is_told = is_told && send(other_.get(), "took " + name).has_value();
  }
  if (!is_told || !send(other_.get(), "go " + service_id)) gone();
}

void Taker::hear() {
  Message message;
  const Received what = receive(other_.get(), message);
  if (what == Received::kNothingYet) return;
  if (what == Received::kMessage && message.text == "draining") {
    offer_.ready = false;
    if (state_ == State::kServing) about_to_end_();
    return;
  }
  if (what == Received::kMessage && message.text != "gone") return;
  if (state_ == State::kServing) {
    spdlog::warn("process {} has ended by itself: this one serves in its place, as after any start",
                 process_);
  }
  gone();
}

void Taker::gone() {
  if (std::exchange(state_, State::kGone) == State::kGone) return;
  unwatch();
  other_.reset();          // nothing more is said
  offer_.sockets.clear();  // what nobody wanted
  for (const std::function<void()>& then : then_) then();
}

}  // namespace ringgate::handover
