#include "tests/benchmarks/pretended_target.h"

#include <poll.h>

#include <stdexcept>
#include <utility>

namespace ringgate::test {

PretendedTarget::PretendedTarget(OnEvent on_event, std::function<void()> on_turn, Goodbye goodbye)
    : on_event_(std::move(on_event)),
      on_turn_(std::move(on_turn)),
      goodbye_(goodbye),
      thread_([this] { run(); }) {}

PretendedTarget::~PretendedTarget() {
  over_ = true;
  thread_.join();
}

void PretendedTarget::send(Peer& peer, std::string_view bytes) {
  try {
    if (peer.frames.socket().is_open()) peer.frames.send(bytes);
  } catch (const std::runtime_error&) {
    peer.ended = true;
  }
}

void PretendedTarget::answer(Peer& peer, const Event& request, pkt::Status status) {
  pkt::Header header;
  header.set_command(request.header.command());
  header.set_sequence(request.header.sequence());
  header.set_flag(pkt::Response);
  header.set_status(status);
  std::string body;
  if (status == pkt::Success && request.header.command() == "login.signin") {
    pkt::LoginResp login;
    login.set_channelid("g1_somebody_" + std::to_string(peer.number));
    body = login.SerializeAsString();
  } else if (status == pkt::Success && request.header.command().starts_with("echo.")) {
    body = request.body;
  }
  send(peer, packet(header, body));
}

void PretendedTarget::run() {
  while (!over_) {
    while (listener_.somebody_waits()) {
      const auto number = static_cast<unsigned>(peers_.size());
      peers_.push_back({FrameSocket(listener_.accept()), number, false});
    }
    on_turn_();
    std::vector<pollfd> wanted;
    for (Peer& peer : peers_) {
      if (peer.frames.socket().is_open()) wanted.push_back({peer.frames.socket().fd(), POLLIN, 0});
    }
    poll(wanted.data(), wanted.size(), 1);
    for (Peer& peer : peers_) {
      if (peer.frames.socket().is_open()) serve(peer);
    }
  }
}

void PretendedTarget::serve(Peer& peer) {
  try {
    while (!peer.ended && peer.frames.has_next()) {
      const Event event = peer.frames.next();
      if (event.kind == Event::Kind::kEnd) peer.ended = true;
      if (event.kind == Event::Kind::kClose && goodbye_ == Goodbye::kClose) {
        send(peer, frame(Opcode::kClose, {}));
        peer.ended = true;
      }
      if (!peer.ended) on_event_(peer, event);
    }
  } catch (const std::runtime_error&) {
    peer.ended = true;
  }
  if (peer.ended) peer.frames.socket().close();
}

bool is_ping(const Event& event) {
  return event.kind == Event::Kind::kPing;
}

BenchRun bench(const PretendedTarget& target, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--target", target.address(), "--secret", "s"});
  return run_ringbench(std::move(arguments));
}

}  // namespace ringgate::test
