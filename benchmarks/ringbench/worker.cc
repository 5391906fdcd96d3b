#include "benchmarks/ringbench/worker.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "codec/pkt.pb.h"
#include "services/token.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kConnectsInFlight = 128;
constexpr unsigned kTickMs = 10;
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kSetUpStallNs = 15 * kSecondNs;
constexpr std::int64_t kTokenLifeS = 24 * 3600;

std::string login_request(const std::string& token) {
  pkt::LoginReq request;
  request.set_token(token);
  return request.SerializeAsString();
}

enum class Kind : std::uint8_t { kConnect, kRecv, kSend };

constexpr std::uint64_t tag(Kind kind, std::uint32_t index) noexcept {
  return (std::uint64_t{index} << 8) | static_cast<std::uint8_t>(kind);
}

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

void RunState::fail_once(std::string sentence) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::move(sentence);
}

std::optional<std::string> RunState::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Worker::Worker(const Options& options, RunState& state, unsigned first_client, unsigned clients)
    : options_(options), state_(state), first_client_(first_client), slots_(clients) {
  body_.assign(options.body_bytes, 'x');
  workload_ = {.mode = options.mode, .command = options.command, .body = body_};
}

Worker::~Worker() {
  for (const Slot& slot : slots_) {
    if (slot.fd >= 0) close(slot.fd);
  }
}

bool Worker::open(int cpu) {
  if (cpu >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<unsigned>(cpu), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
      state_.fail_once(fmt::format("may not run on CPU {}: choose another --cpu", cpu));
      return false;
    }
  }
  if (auto opened = ring_.open(0); !opened) {
    state_.fail_once(opened.error().message);
    return false;
  }
  const std::string longest = options_.token.empty()
                                  ? sign_token({account_of(0), options_.app, INT64_MAX}, "secret")
                                  : options_.token;
  const std::size_t room =
      std::max(Client::message_room(workload_), Client::login_room(login_request(longest).size()));
  output_.resize(room * slots_.size());
  for (std::size_t index = 0; index < slots_.size(); ++index) {
    slots_[index].client.set_output(MutableBytes(output_).subspan(index * room, room));
  }
  starved_.reserve(slots_.size());
  return true;
}

void Worker::run(int cpu) {
  if (open(cpu)) loop();
}

void Worker::loop() {
  progress_ns_ = now_ns_ = monotonic_ns();
  for (;;) {
    const Phase phase = state_.phase.load(std::memory_order_acquire);
    if (phase == Phase::kStop) break;
    if (phase == Phase::kSetUp) {
      connect_more();
      watch_set_up();
    } else if (phase_ == Phase::kSetUp) {
      send_first();
    }
    phase_ = phase;
    if (const int error = ring_.submit_and_wait(kTickMs); error != 0) {
      return state_.fail_once(fmt::format("waiting on the ring failed: {}", std::strerror(-error)));
    }
    now_ns_ = monotonic_ns();
    ring_.for_each_completion([this](const io_uring_cqe& cqe) { on_completion(cqe); });
    ring_.return_buffers();
    for (const std::uint32_t index : starved_) {
      ring_.arm_recv(slots_[index].fd, false, tag(Kind::kRecv, index));
    }
    starved_.clear();
  }
  count_unanswered();
}

void Worker::watch_set_up() {
  if (ready_ == slots_.size() || now_ns_ - progress_ns_ < kSetUpStallNs) return;
  state_.fail_once(
      fmt::format("no progress for {} s with {} of {} connections ready: look at the target's "
                  "/ready and its log, or use fewer --connections",
                  kSetUpStallNs / kSecondNs, ready_, slots_.size()));
}

void Worker::connect_more() {
  while (started_ < slots_.size() && started_ - ready_ < kConnectsInFlight) {
    const auto index = static_cast<std::uint32_t>(started_++);
    const int fd = open_client_socket(options_.address, first_client_ + index);
    if (fd < 0) {
      return state_.fail_once(fmt::format("cannot open socket {}: {}; use fewer --connections",
                                          index, std::strerror(errno)));
    }
    slots_[index].fd = fd;
    io_uring_sqe* sqe = ring_.sqe();
    io_uring_prep_connect(sqe, fd, options_.address.get(), options_.address.bytes);
    io_uring_sqe_set_data64(sqe, tag(Kind::kConnect, index));
  }
}

void Worker::on_completion(const io_uring_cqe& cqe) {
  const auto index = static_cast<std::uint32_t>(cqe.user_data >> 8);
  switch (static_cast<Kind>(cqe.user_data & 0xff)) {
    case Kind::kRecv:
      return on_recv(index, cqe);
    case Kind::kSend:  // only failures come (CQE_SKIP_SUCCESS); the recv ends then, too
      return;
    case Kind::kConnect:
      return on_connected(index, cqe.res);
  }
}

void Worker::on_connected(std::uint32_t index, int result) {
  if (result < 0) {
    const std::string_view mend = result == -ECONNREFUSED
                                      ? "nothing listens there, start the target or mend --target"
                                      : "check --target and the way to it";
    return state_.fail_once(
        fmt::format("cannot connect to {}: {} ({})", options_.target, mend, strerror(-result)));
  }
  Slot& slot = slots_[index];
  ring_.arm_recv(slot.fd, false, tag(Kind::kRecv, index));
  progress_ns_ = now_ns_;
  if (options_.raw) return become_ready(slot);
  log_in(index);
}

void Worker::log_in(std::uint32_t index) {
  Slot& slot = slots_[index];
  const std::string token =
      options_.token.empty()
          ? sign_token({account_of(index), options_.app, std::time(nullptr) + kTokenLifeS},
                       options_.secret)
          : options_.token;
  slot.client.state = Client::State::kLoggingIn;
  send(index, slot.client.write_login(as_bytes(login_request(token))));
}

std::string Worker::account_of(std::uint32_t index) const {
  return fmt::format("{}{:06}", options_.account_prefix, first_client_ + index);
}

void Worker::become_ready(Slot& slot) {
  slot.client.state = Client::State::kReady;
  ++ready_;
  state_.clients_ready.fetch_add(1, std::memory_order_release);
}

void Worker::on_recv(std::uint32_t index, const io_uring_cqe& cqe) {
  Slot& slot = slots_[index];
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const ByteView bytes = ring_.take_received(cqe);
    const auto judged = [&](const Verdict& verdict) { on_verdict(index, verdict); };
    if (slot.client.state != Client::State::kLost && !slot.client.receive(bytes, judged)) {
      lose(index, ErrorKind::kMalformed, EPROTO);
    }
  }
  if ((cqe.flags & IORING_CQE_F_MORE) != 0) return;
  if (cqe.res == -ENOBUFS || cqe.res > 0) return starved_.push_back(index);
  lose(index, ErrorKind::kConnectionLost, -cqe.res);
}

void Worker::on_verdict(std::uint32_t index, const Verdict& verdict) {
  Client& client = slots_[index].client;
  if (client.state == Client::State::kLoggingIn) return on_login_verdict(index, verdict);
  if (verdict.answered) {
    report_.answered.store(report_.answered.load(std::memory_order_relaxed) + 1,
                           std::memory_order_relaxed);
    if (phase_ == Phase::kMeasure) report_.times.record(now_ns_ - client.sent_ns);
  } else {
    count_error(verdict);
  }
  if (verdict.settled) send_next(index);
}

void Worker::on_login_verdict(std::uint32_t index, const Verdict& verdict) {
  if (verdict.answered) {
    progress_ns_ = now_ns_;
    return become_ready(slots_[index]);
  }
  if (verdict.error == ErrorKind::kStatus) {
    const std::string_view mend =
        verdict.status == static_cast<std::uint32_t>(Status::kUnauthorized)
            ? "--secret or --token is not what the gateway expects (AppSecret)"
            : "is a login service connected? see the gateway's /ready";
    return state_.fail_once(fmt::format("login of {} was refused with status {}: {}",
                                        account_of(index), verdict.status, mend));
  }
  state_.fail_once(fmt::format("login of {} was answered by something else ({}): is {} a gateway?",
                               account_of(index), name_of(verdict.error), options_.target));
}

void Worker::send(std::uint32_t index, ByteView bytes) {
  io_uring_sqe* sqe = ring_.sqe();
  io_uring_prep_send(sqe, slots_[index].fd, bytes.data(), bytes.size(), MSG_WAITALL | MSG_NOSIGNAL);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;  // the answer says that it was sent
  io_uring_sqe_set_data64(sqe, tag(Kind::kSend, index));
}

// The time is that of the batch's start: at most the batch's own work too early.
void Worker::send_next(std::uint32_t index) {
  Client& client = slots_[index].client;
  client.state = Client::State::kWaiting;
  client.sent_ns = now_ns_;
  send(index, client.write_message(workload_));
}

void Worker::send_first() {
  now_ns_ = monotonic_ns();
  for (std::uint32_t index = 0; index < slots_.size(); ++index) {
    if (slots_[index].client.state == Client::State::kReady) send_next(index);
  }
}

void Worker::count_error(const Verdict& verdict) {
  ++report_.errors[static_cast<std::size_t>(verdict.error)];
  if (verdict.error == ErrorKind::kStatus) {
    ++report_.statuses[std::min<std::size_t>(verdict.status, WorkerReport::kStatuses - 1)];
  }
}

void Worker::lose(std::uint32_t index, ErrorKind kind, int error) {
  Client& client = slots_[index].client;
  if (client.state == Client::State::kLost) return;
  if (phase_ == Phase::kSetUp) {
    state_.fail_once(fmt::format(
        "the target closed connection {} before the run began ({}): see its log and its bounds",
        first_client_ + index, error == 0 ? "end of stream" : std::strerror(error)));
  }
  client.state = Client::State::kLost;
  shutdown(slots_[index].fd, SHUT_RDWR);
  count_error({.error = kind});
  state_.clients_lost.fetch_add(1, std::memory_order_relaxed);
}

void Worker::count_unanswered() {
  const std::uint64_t now = monotonic_ns();
  for (const Slot& slot : slots_) {
    if (slot.client.state == Client::State::kWaiting && now - slot.client.sent_ns > kSecondNs) {
      count_error({.error = ErrorKind::kUnanswered});
    }
  }
}

}  // namespace ringgate::bench
