// Lines for a descriptor that may not take them: a pipe that nobody empties, a stopped terminal, a
// full disk. add() never waits for it; a thread of the writer's own does, and end() for as long as
// it is told. The descriptor is not made non-blocking, since others share what it refers to.
//
// Any thread; the descriptor has to stay open until end() has returned true, or for good.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ringgate {

class LineWriter {
 public:
  // What waits to be written; the line that is being written is beside it.
  static constexpr std::size_t kMaxQueuedBytes = 1024 * 1024;
  // A longer line is cut.
  static constexpr std::size_t kMaxLineBytes = 16 * 1024;

  explicit LineWriter(int fd);
  ~LineWriter();  // end(0)
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // With its line end. When the queue is full the oldest lines make room.
  void add(std::string_view line);

  // Waits until what is queued is written, for `patience` at most, and not at all where the
  // descriptor has taken nothing for longer than that. What is left then and would block, and what
  // is added later, is lost.
  // True when all of it was written or failed to be. A thread that is stuck in a write stays
  // behind: it owns what it needs, and ends with the process.
  bool end(std::chrono::milliseconds patience);

  // Lines that made room for others.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  // Lines that could not be written (EPIPE, ENOSPC, EIO), or were left at the end.
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  struct State;  // shared with the thread
  std::shared_ptr<State> state_;
};

}  // namespace ringgate
