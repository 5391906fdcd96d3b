// A target of ringbench that only a test can be: it speaks TCP frames, and answers what and when
// the test says. A thread of its own from start to end, on which the test's functions are called.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "tests/benchmarks/ringbench_run.h"
#include "tests/integration/packets.h"

namespace ringgate::test {

class PretendedTarget {
 public:
  struct Peer {
    FrameSocket frames;
    unsigned number = 0;  // in the order in which they came, from 0
    bool ended = false;   // to be closed by us
  };
  using OnEvent = std::function<void(Peer& peer, const Event& event)>;

  enum class Goodbye : std::uint8_t { kClose, kIgnore };  // what follows on a client's close frame

  // `on_turn` is called every millisecond or more often.
  explicit PretendedTarget(
      OnEvent on_event, std::function<void()> on_turn = [] {}, Goodbye goodbye = Goodbye::kClose);
  ~PretendedTarget();
  PretendedTarget(const PretendedTarget&) = delete;
  PretendedTarget& operator=(const PretendedTarget&) = delete;

  [[nodiscard]] std::string address() const {
    return "tcp://127.0.0.1:" + std::to_string(listener_.port());
  }

  // To a peer that may have gone.
  static void send(Peer& peer, std::string_view bytes);
  // The answer to a request, with that status; that of Success holds a LoginResp after a login, and
  // the request's own body after an echo.
  static void answer(Peer& peer, const Event& request, pkt::Status status = pkt::Success);

 private:
  void run();
  void serve(Peer& peer);

  Listener listener_;
  OnEvent on_event_;
  std::function<void()> on_turn_;
  const Goodbye goodbye_;
  std::list<Peer> peers_;  // never move, so that the test may keep pointers to them
  std::atomic<bool> over_{false};
  std::thread thread_;
};

[[nodiscard]] bool is_ping(const Event& event);

// The real ringbench against it, with these arguments and a secret.
[[nodiscard]] BenchRun bench(const PretendedTarget& target, std::vector<std::string> arguments);

}  // namespace ringgate::test
