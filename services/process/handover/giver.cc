#include "services/process/handover/giver.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace ringgate::handover {

Giver::Giver(ControlLoop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)) {}

Giver::~Giver() {
  stop();
  drop_taker();
}

void Giver::listen(const std::vector<std::string>& printed) {
  if (is_over_) return;
  for (const std::string& address : printed) {
    if (listeners_.contains(address)) continue;
    Result<UniqueFd> listener = listen_for(address);
    if (!listener) {
      if (!std::exchange(is_told_, true)) spdlog::info("{}", listener.error().message);
      continue;
    }
    const int fd = listener->get();
    listeners_.emplace(address, std::move(*listener));
    loop_.watch(fd, ControlLoop::Until::kReadable, [this, fd] { take_in(fd); });
  }
}

void Giver::stop() {
  is_over_ = true;
  for (const auto& [address, listener] : listeners_) loop_.unwatch(listener.get());
  listeners_.clear();
}

void Giver::take_in(int listener) {
  UniqueFd taker(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!taker) return;
  if (!is_our_user(taker.get())) return refuse(std::move(taker), "no it runs as another user");
  if (taker_) return refuse(std::move(taker), "no another process takes over just now");
  taker_ = std::move(taker);
  taken_.clear();
  loop_.watch(taker_.get(), ControlLoop::Until::kReadable, [this] { hear(); });
}

// Closed with what it has sent unread, it would lose what it is told: so that is for later.
void Giver::refuse(UniqueFd taker, std::string_view why) {
  static_cast<void>(send(taker.get(), why));
  refused_ = std::move(taker);
}

void Giver::hear() {
  Message message;
  switch (receive(taker_.get(), message)) {
    case Received::kNothingYet:
      return;
    case Received::kEnd:
      return drop_taker();
    case Received::kMessage:
      return answer(message);
  }
}

void Giver::answer(const Message& message) {
  if (message.text == "take 1") {
    if (!offer()) drop_taker();
    return;
  }
  constexpr std::string_view kTook = "took ";
  if (message.text.starts_with(kTook)) {
    taken_.insert(message.text.substr(kTook.size()));
    return;
  }
  if (!message.text.starts_with("go ") || is_over_) return drop_taker();
  Going going{process_of(taker_.get()), message.text.substr(3), std::move(taken_), [this] {
                if (taker_) static_cast<void>(send(taker_.get(), "gone"));
              }};
  stop();
  handlers_.go(std::move(going));
}

void Giver::tell_draining() {
  if (taker_) static_cast<void>(send(taker_.get(), "draining"));
}

Result<void> Giver::offer() {
  const Offer all = handlers_.offer();
  for (const Sockets& sockets : all.sockets) {
    std::vector<int> files;
    files.reserve(sockets.copies.size());
    for (const UniqueFd& copy : sockets.copies) files.push_back(copy.get());
    for (std::size_t at = 0; at < files.size(); at += kMaxFiles) {
      const auto part = std::span(files).subspan(at, std::min(kMaxFiles, files.size() - at));
      if (auto sent = send(taker_.get(), "sockets " + sockets.name, part); !sent) return sent;
    }
  }
  return send(taker_.get(), fmt::format("offer {} {} {} took", all.service_id, all.gateway_id,
                                        all.ready ? "ready" : "not_ready"));
}

void Giver::drop_taker() {
  if (!taker_) return;
  loop_.unwatch(taker_.get());
  taker_.reset();
}

}  // namespace ringgate::handover
