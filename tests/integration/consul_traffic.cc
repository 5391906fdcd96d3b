#include "tests/integration/consul_traffic.h"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <utility>

namespace ringgate::test {
namespace {

constexpr std::size_t kLoginsAtOnce = 200;
constexpr std::size_t kMostTrouble = 10;  // that is told

void allow_many_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string account_of(std::size_t number) {
  return "talker" + std::to_string(number);
}

}  // namespace

std::size_t Traffic::Record::refused() const {
  return static_cast<std::size_t>(
      std::ranges::count(answers, pkt::SystemException, &Answer::status));
}

std::size_t Traffic::Record::succeeded() const {
  return static_cast<std::size_t>(std::ranges::count(answers, pkt::Success, &Answer::status));
}

Traffic::Traffic(const std::vector<const Server*>& gateways, const Options& options)
    : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  allow_many_files();
  log_in(gateways);
  const SteadyClock::time_point now = SteadyClock::now();
  const auto spread = std::chrono::nanoseconds(options_.pause) / static_cast<int>(options_.clients);
  for (std::size_t i = 0; i < talkers_.size(); ++i) {
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.u64 = i;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, talkers_[i].frames.socket().fd(), &interest);
    // Spread over the pause, so that they do not all talk at once.
    due_.push_back({now + spread * static_cast<int>(i), i});
  }
  thread_ = std::thread([this] { run(); });
}

Traffic::~Traffic() {
  if (thread_.joinable()) stop(Await::kAnswers);
}

void Traffic::log_in(const std::vector<const Server*>& gateways) {
  talkers_.resize(options_.clients);
  for (std::size_t first = 0; first < talkers_.size(); first += kLoginsAtOnce) {
    const std::size_t end = std::min(first + kLoginsAtOnce, talkers_.size());
    for (std::size_t i = first; i < end; ++i) {
      Talker& talker = talkers_[i];
      talker.account = account_of(i);
      talker.partner = account_of(i ^ 1);
      talker.frames = gateways[i % gateways.size()]->connect();
      talker.frames.send(login(token(talker.account)));
    }
    for (std::size_t i = first; i < end; ++i) {
      if (!talkers_[i].frames.next().is_answer(1)) throw std::runtime_error("a login failed");
    }
  }
}

Traffic::Record Traffic::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

void Traffic::wait_until_all_succeed() const {
  const SteadyClock::time_point start = SteadyClock::now();
  wait_until("a success for every client", [&] {
    std::vector<bool> succeeded(options_.clients);
    const std::lock_guard lock(mutex_);
    for (const Answer& answer : record_.answers) {
      if (answer.sent_at >= start && answer.status == pkt::Success) succeeded[answer.client] = true;
    }
    return std::ranges::all_of(succeeded, std::identity());
  });
}

std::int64_t Traffic::wait_for_other_node(const std::vector<std::int64_t>& known) const {
  std::int64_t other = 0;
  wait_until("another chat that answers", [&] {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(record_.answers, [&](const Answer& answer) {
      other = answer.node;
      return answer.status == pkt::Success && std::ranges::count(known, answer.node) == 0;
    });
  });
  return other;
}

Traffic::Record Traffic::stop(Await await) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    awaits_pushes_ = await == Await::kPushesToo;
  }
  thread_.join();
  const std::lock_guard lock(mutex_);
  record_.unanswered = waiting();
  return record_;
}

std::size_t Traffic::waiting() const {
  return static_cast<std::size_t>(std::ranges::count(talkers_, true, &Talker::is_waiting));
}

// --- The thread
// -----------------------------------------------------------------------------------

void Traffic::run() {
  constexpr int kMostPollMs = 5;
  std::array<epoll_event, 256> events;
  SteadyClock::time_point end = SteadyClock::time_point::max();
  while (SteadyClock::now() < end) {
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      // A push comes on another connection than the answer, maybe after it.
      const bool has_pushes = !awaits_pushes_ || record_.pushes >= record_.succeeded();
      if (stopping_ && waiting() == 0 && has_pushes) return;
      stopping = stopping_;
    }
    if (stopping && end == SteadyClock::time_point::max()) end = SteadyClock::now() + kPatience;
    if (!stopping) send_due();
    const int timeout =
        due_.empty() ? kMostPollMs : std::min(kMostPollMs, left_ms(due_.front().at));
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < count; ++i) read(events[static_cast<std::size_t>(i)].data.u64);
  }
}

void Traffic::send_due() {
  const SteadyClock::time_point now = SteadyClock::now();
  for (; !due_.empty() && due_.front().at <= now; due_.pop_front()) {
    const std::size_t number = due_.front().talker;
    Talker& talker = talkers_[number];
    if (!talker.is_open) continue;
    try {
      talker.sent_at = SteadyClock::now();
      talker.is_waiting = true;
      talker.frames.send(talk(talker.partner, "hello", ++talker.sequence));
    } catch (const std::exception& error) {
      complain(number, error.what());
    }
  }
}

void Traffic::read(std::size_t number) {
  Talker& talker = talkers_[number];
  try {
    do take(number, talker.frames.next());
    while (talker.is_open && talker.frames.has_next());
  } catch (const std::exception& error) {
    complain(number, error.what());
  }
  if (!talker.is_open) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, talker.frames.socket().fd(), nullptr);
  }
}

void Traffic::take(std::size_t number, const Event& event) {
  Talker& talker = talkers_[number];
  const pkt::Header& header = event.header;
  if (event.kind != Event::Kind::kLogic) return complain(number, "no packet, or the end");
  if (header.flag() == pkt::Push && header.command() == "chat.user.talk") {
    const std::lock_guard lock(mutex_);
    ++record_.pushes;
    return;
  }
  const bool is_known = header.status() == pkt::Success || header.status() == pkt::SystemException;
  if (!is_known || !talker.is_waiting || header.flag() != pkt::Response ||
      header.sequence() != talker.sequence) {
    return complain(number, header.ShortDebugString());
  }
  Answer answer{number, talker.sent_at, SteadyClock::now(), header.status(), 0};
  if (answer.status == pkt::Success) {
    answer.node = node_of(event.parse<pkt::MessageResp>().messageid());
  }
  talker.is_waiting = false;
  due_.push_back({answer.came_at + options_.pause, number});
  const std::lock_guard lock(mutex_);
  record_.answers.push_back(answer);
}

void Traffic::complain(std::size_t number, const std::string& what) {
  talkers_[number].is_open = false;
  const std::lock_guard lock(mutex_);
  record_.trouble.push_back(talkers_[number].account + ": " + what);
}

void expect_nothing_lost(const Traffic::Record& record) {
  EXPECT_EQ(record.unanswered, 0u) << "requests";
  for (std::size_t i = 0; i < std::min(record.trouble.size(), kMostTrouble); ++i) {
    ADD_FAILURE() << record.trouble[i];
  }
  EXPECT_EQ(record.succeeded() + record.refused(), record.answers.size());
}

}  // namespace ringgate::test
