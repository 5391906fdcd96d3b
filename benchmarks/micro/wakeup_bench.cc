// What it costs one thread to wake another that waits in its ring, each way that there is. Two
// threads wake each other in turns, each on a CPU of its own where there are two: `cpu_per_wake` is
// the CPU time of both, from the decision to wake to the next wait, and `per_wake` the time.
//
// The data plane writes to a non-blocking eventfd that the receiver polls
// (dataplane/switchboard.h).
#include <benchmark/benchmark.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <future>
#include <thread>

namespace ringgate::bench {
namespace {

enum class Way {
  kWrite,        // write(2) to an eventfd
  kRingWrite,    // the same through the sender's ring, submitted with its next wait
  kRingMessage,  // IORING_OP_MSG_RING, submitted with its next wait
};

constexpr std::uint64_t kWoken = 1;
constexpr std::uint64_t kSent = 2;
constexpr std::uint64_t kOne = 1;

void need(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::exit(1);
}

void pin(unsigned cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu % std::thread::hardware_concurrency(), &cpus);
  pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
}

// One of the two threads, which makes it: its ring is its own (IORING_SETUP_SINGLE_ISSUER).
class Side {
 public:
  explicit Side(Way way) : way_(way) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    need(io_uring_queue_init_params(64, &ring_, &params) == 0, "io_uring_queue_init_params");
    event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    need(event_ >= 0, "eventfd");
    if (way_ != Way::kRingMessage) watch();
    io_uring_submit(&ring_);
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  ~Side() {
    io_uring_queue_exit(&ring_);
    close(event_);
  }

  void wake(const Side& other) {
    if (way_ == Way::kWrite) {
      need(write(other.event_, &kOne, sizeof kOne) == sizeof kOne, "write");
      return;
    }
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    if (way_ == Way::kRingWrite) {
      io_uring_prep_write(sqe, other.event_, &kOne, sizeof kOne, 0);
    } else {
      io_uring_prep_msg_ring(sqe, other.ring_.ring_fd, 0, kWoken, 0);
    }
    io_uring_sqe_set_data64(sqe, kSent);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
  }

  void submit() { io_uring_submit(&ring_); }

  // Until it was woken once; submits what there is.
  void wait() {
    while (true) {
      io_uring_submit_and_wait(&ring_, 1);
      io_uring_cqe* cqe = nullptr;
      bool woken = false;
      while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
        if (cqe->user_data == kWoken) {
          woken = true;
          if (way_ != Way::kRingMessage && (cqe->flags & IORING_CQE_F_MORE) == 0) watch();
        }
        need(cqe->res >= 0, "a completion");
        io_uring_cqe_seen(&ring_, cqe);
      }
      if (woken) return;
    }
  }

 private:
  void watch() {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    io_uring_prep_poll_multishot(sqe, event_, POLLIN | EPOLLET);
    io_uring_sqe_set_data64(sqe, kWoken);
  }

  Way way_;
  io_uring ring_{};
  int event_ = -1;
};

double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void wake(benchmark::State& state, Way way) {
  pin(0);
  Side here(way);
  std::promise<const Side*> other;
  std::atomic<bool> ends{false};
  std::thread peer([&] {
    pin(1);
    Side there(way);
    other.set_value(&there);
    while (true) {
      there.wait();
      if (ends) break;
      there.wake(here);
    }
  });
  const Side& there = *other.get_future().get();
  const double before = cpu_seconds();
  for (auto _ : state) {
    here.wake(there);
    here.wait();
  }
  const double wakes = static_cast<double>(state.iterations()) * 2;
  state.counters["cpu_per_wake"] = (cpu_seconds() - before) / wakes;
  state.counters["per_wake"] =
      benchmark::Counter(wakes, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  ends = true;
  here.wake(there);
  here.submit();
  peer.join();
}
BENCHMARK_CAPTURE(wake, eventfd_write, Way::kWrite)->UseRealTime();
BENCHMARK_CAPTURE(wake, eventfd_through_the_ring, Way::kRingWrite)->UseRealTime();
BENCHMARK_CAPTURE(wake, ring_message, Way::kRingMessage)->UseRealTime();

}  // namespace
}  // namespace ringgate::bench

BENCHMARK_MAIN();
