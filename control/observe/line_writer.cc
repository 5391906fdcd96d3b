#include "control/observe/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <system_error>
#include <utility>

#include "control/base/mutex.h"
#include "control/base/thread.h"
#include "control/base/unique_fd.h"

namespace ringgate {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kRetryMs = 5;  // where poll says "writable" and write says EAGAIN

}  // namespace

struct LineWriter::State {
  const int fd;
  // Readable from the moment on at which nothing more is to be waited for.
  const UniqueFd stop{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<std::uint64_t> dropped = 0;
  std::atomic<std::uint64_t> lost = 0;

  Mutex mutex;
  ConditionVariable changed;
  std::deque<std::string> lines ABSL_GUARDED_BY(mutex);
  std::size_t queued_bytes ABSL_GUARDED_BY(mutex) = 0;
  bool ending ABSL_GUARDED_BY(mutex) = false;    // nothing is added any more
  bool stopped ABSL_GUARDED_BY(mutex) = false;   // and nothing waited for
  bool finished ABSL_GUARDED_BY(mutex) = false;  // the thread writes no more
  SteadyClock::time_point taken_at
      ABSL_GUARDED_BY(mutex);  // of the line that is being written, if one is
  bool writing ABSL_GUARDED_BY(mutex) = false;
  bool threadless ABSL_GUARDED_BY(mutex) =
      false;  // there is none: add() writes what is taken at once

  explicit State(int descriptor) : fd(descriptor) {}
  void run();
  bool take(std::string& line);
  bool write_line(std::string_view line);
  // Waits until the descriptor takes something; false: stopped.
  bool wait_writable();
  [[nodiscard]] bool write_now(std::string_view line) const;
  void write_rest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void lose_rest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  bool wait_finished(MutexLock& lock, std::chrono::milliseconds patience)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
};

// What a pipe takes without blocking is PIPE_BUF bytes, once poll says that it is writable
// (pipe(7)). Somebody else may fill it in between; then this thread waits in write, and end() does
// not wait for this thread.
bool LineWriter::State::write_line(std::string_view line) {
  while (!line.empty()) {
    if (!wait_writable()) return false;
    const ssize_t put = write(fd, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
    if (put > 0) {
      line.remove_prefix(static_cast<std::size_t>(put));
    } else if (put < 0 && errno == EAGAIN) {
      pollfd stopping{stop.get(), POLLIN, 0};
      poll(&stopping, 1, kRetryMs);
    } else if (put < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool LineWriter::State::wait_writable() {
  std::array<pollfd, 2> both{{{fd, POLLOUT, 0}, {stop.get(), POLLIN, 0}}};
  while (poll(both.data(), both.size(), -1) < 0) {
    if (errno != EINTR && errno != ENOMEM) return true;  // write says what is wrong
  }
  return both[0].revents != 0 || both[1].revents == 0;
}

// So much does not block when there is room at all.
bool LineWriter::State::write_now(std::string_view line) const {
  pollfd ready{fd, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
  const std::string_view part = line.substr(0, PIPE_BUF);
  return write(fd, part.data(), part.size()) == static_cast<ssize_t>(line.size());
}

bool LineWriter::State::take(std::string& line) {
  MutexLock lock(mutex);
  writing = false;
  while (lines.empty() && !ending) changed.wait(lock);
  if (lines.empty() || stopped) return false;
  line = std::move(lines.front());
  lines.pop_front();
  queued_bytes -= line.size();
  writing = true;
  taken_at = SteadyClock::now();
  return true;
}

void LineWriter::State::run() {
  std::string line;
  while (take(line)) {
    if (!write_line(line)) lost.fetch_add(1, std::memory_order_relaxed);
  }
  const MutexLock lock(mutex);
  finished = true;
  changed.notify_all();
}

// The thread may have had no CPU yet: what would not block is no reason to lose a line.
void LineWriter::State::write_rest() {
  while (!writing && !lines.empty() && write_now(lines.front())) {
    queued_bytes -= lines.front().size();
    lines.pop_front();
  }
}

void LineWriter::State::lose_rest() {
  lost.fetch_add(lines.size(), std::memory_order_relaxed);
  lines.clear();
  queued_bytes = 0;
}

bool LineWriter::State::wait_finished(MutexLock& lock, std::chrono::milliseconds patience) {
  const auto until = SteadyClock::now() + patience;
  while (!finished) {
    if (changed.wait_until(lock, until) == std::cv_status::timeout) return finished;
  }
  return true;
}

LineWriter::LineWriter(int fd) : state_(std::make_shared<State>(fd)) {
  try {
    start_thread("log", [state = state_] { state->run(); }).detach();
  } catch (const std::system_error&) {  // no thread is to be had: what would wait is lost
    const MutexLock lock(state_->mutex);
    state_->threadless = true;
    state_->ending = true;
    state_->finished = true;
  }
}

LineWriter::~LineWriter() {
  end(std::chrono::milliseconds(0));
}

void LineWriter::add(std::string_view line) {
  State& state = *state_;
  std::string kept(line.substr(0, kMaxLineBytes));
  if (kept.size() < line.size()) kept.back() = '\n';
  const MutexLock lock(state.mutex);
  if (state.threadless && state.write_now(kept)) return;
  if (state.ending) {
    state.lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  while (state.queued_bytes + kept.size() > kMaxQueuedBytes) {
    state.queued_bytes -= state.lines.front().size();
    state.lines.pop_front();
    state.dropped.fetch_add(1, std::memory_order_relaxed);
  }
  state.queued_bytes += kept.size();
  state.lines.push_back(std::move(kept));
  state.changed.notify_all();
}

bool LineWriter::end(std::chrono::milliseconds patience) {
  State& state = *state_;
  MutexLock lock(state.mutex);
  state.ending = true;
  state.threadless = false;
  state.changed.notify_all();
  if (state.writing && SteadyClock::now() - state.taken_at > patience) patience = {};
  if (state.wait_finished(lock, patience)) return true;
  state.stopped = true;
  state.write_rest();
  state.lose_rest();
  eventfd_write(state.stop.get(), 1);
  // Whoever waits in poll is gone at once; whoever waits in write may never be.
  constexpr std::chrono::milliseconds kToLeavePoll{50};
  static_cast<void>(state.wait_finished(lock, kToLeavePoll));
  return false;
}

std::uint64_t LineWriter::dropped() const noexcept {
  return state_->dropped.load(std::memory_order_relaxed);
}

std::uint64_t LineWriter::lost() const noexcept {
  return state_->lost.load(std::memory_order_relaxed);
}

}  // namespace ringgate
