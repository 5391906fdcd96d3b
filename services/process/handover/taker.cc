#include "services/process/handover/taker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include "services/process/handover/message.h"

namespace ringgate::handover {
namespace {

// It takes a turn of each of its shards.
constexpr std::chrono::milliseconds kGoPatience{5000};

}  // namespace

Taker::Taker(UniqueFd other) : other_(std::move(other)), process_(process_of(other_.get())) {}

Taker::~Taker() {
  if (loop_ == nullptr) return;
  loop_->cancel(timer_);
  loop_->unwatch(other_.get());
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
    if (Result<void> read = taker->read_offer(); !read) return std::unexpected(read.error());
    return taker;
  }
  return nullptr;
}

Result<void> Taker::read_offer() {
  if (auto sent = send(other_.get(), "take 1"); !sent) return sent;
  for (;;) {
    Message message;
    if (receive(other_.get(), message) != Received::kMessage) {
      return run_error("--takeover: process {}, which has the port, does not answer", process_);
    }
    const Result<bool> done = take_message(message);
    if (!done) return std::unexpected(done.error());
    if (*done) return {};
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
  std::string what, state;
  words >> what >> offer_.service_id >> offer_.gateway_id >> state;
  if (what == "offer" && !state.empty()) {
    offer_.ready = state == "ready";
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
  return sockets;
}

void Taker::go(ControlLoop& loop, const std::string& service_id) {
  loop_ = &loop;
  loop_->watch(other_.get(), ControlLoop::Until::kReadable, [this] { hear(); });
  timer_ = loop_->after(kGoPatience, [this] {
    spdlog::warn("process {} has not left its ports in time; they are used all the same", process_);
    gone();
  });
  if (!send(other_.get(), "go " + service_id)) gone();
}

void Taker::hear() {
  Message message;
  const Received what = receive(other_.get(), message);
  if (what == Received::kNothingYet) return;
  if (what == Received::kMessage && message.text != "gone") return;
  gone();
}

void Taker::gone() {
  if (std::exchange(is_gone_, true)) return;
  loop_->cancel(timer_);
  loop_->unwatch(other_.get());
  loop_ = nullptr;
  other_.reset();          // nothing more is said
  offer_.sockets.clear();  // what nobody wanted
  for (const std::function<void()>& then : then_) then();
}

}  // namespace ringgate::handover
