// Clients that talk to each other all the time, on a thread of their own, and that notice
// everything: each has one request under way at most, and every request wants its answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/consul_world.h"

namespace ringgate::test {

class Traffic {
 public:
  struct Options {
    std::size_t clients = 0;              // an even number: they talk in pairs
    std::chrono::milliseconds pause{10};  // of each, from an answer to the next request
  };
  struct Answer {
    std::size_t client = 0;
    SteadyClock::time_point sent_at;
    SteadyClock::time_point came_at;
    pkt::Status status = pkt::Success;
    std::int64_t node = 0;  // of the chat that answered with success
  };
  struct Record {
    std::vector<Answer> answers;  // as they came
    std::size_t pushes = 0;
    std::size_t unanswered = 0;        // after stop(): requests
    std::vector<std::string> trouble;  // what a client should never see; 300 is none

    [[nodiscard]] std::size_t refused() const;    // answered with 300
    [[nodiscard]] std::size_t succeeded() const;  // answered with success
  };

  // Logs the clients in, on these gateways by turns, and starts.
  Traffic(const std::vector<const Server*>& gateways, const Options& options);
  ~Traffic();
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  [[nodiscard]] Record record() const;
  // Until every client has had a success to a request that it sent from now on.
  void wait_until_all_succeed() const;
  // Until a success has come from a process that is none of these; tells which.
  std::int64_t wait_for_other_node(const std::vector<std::int64_t>& known) const;
  // Sends no more, and waits for the answers that are still to come, and for a push for each
  // success. A service that is killed takes pushes with it: not so for `kAnswers`.
  enum class Await { kAnswers, kPushesToo };
  Record stop(Await await = Await::kPushesToo);

 private:
  struct Talker {
    FrameSocket frames;
    std::string account;
    std::string partner;
    std::uint32_t sequence = 1;
    bool is_waiting = false;
    bool is_open = true;
    SteadyClock::time_point sent_at;
  };
  struct Due {
    SteadyClock::time_point at;
    std::size_t talker = 0;
  };

  void log_in(const std::vector<const Server*>& gateways);
  void run();
  void send_due();
  void read(std::size_t number);
  void take(std::size_t number, const Event& event);
  void complain(std::size_t number, const std::string& what);
  [[nodiscard]] std::size_t waiting() const;

  const Options options_;
  std::vector<Talker> talkers_;  // the thread's own, from its start to its end
  std::deque<Due> due_;
  UniqueFd epoll_;
  mutable std::mutex mutex_;
  Record record_;
  bool stopping_ = false;
  bool awaits_pushes_ = true;
  std::thread thread_;
};

// What holds whatever becomes of services: nothing but successes and 300s, one for each request.
void expect_nothing_lost(const Traffic::Record& record);

}  // namespace ringgate::test
