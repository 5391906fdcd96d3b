// A real process of a test: started, read, signalled by its id, and reaped.
//
// A thread of its own reads the process's output (both streams in one) so that it never blocks on a
// full pipe. The process dies with the test. Errors of the harness are std::runtime_error, which
// GoogleTest reports as a failure with its text.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control/base/unique_fd.h"
#include "tests/integration/deadline.h"

namespace ringgate::test {

// Where a process's stream goes.
enum class Sink {
  kRead,        // to the test
  kFullPipe,    // which nobody empties
  kClosedPipe,  // whose reader is gone
  kFullDisk,    // /dev/full
  kNone,        // closed
};
struct Streams {
  Sink out = Sink::kRead;
  Sink err = Sink::kRead;
};

class ProcessUnderTest {
 public:
  // words[0] is looked up in PATH.
  explicit ProcessUnderTest(const std::vector<std::string>& words, const Streams& streams = {});
  ~ProcessUnderTest();  // SIGKILL if it still runs
  ProcessUnderTest(const ProcessUnderTest&) = delete;
  ProcessUnderTest& operator=(const ProcessUnderTest&) = delete;

  // The ringgate binary with these arguments.
  static std::vector<std::string> ringgate(std::vector<std::string> arguments);

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  void freeze() const;                // by SIGSTOP; returns when it has stopped
  void write(std::string_view text);  // to its stdin
  void close_stdin() { stdin_ = UniqueFd(); }

  // The first line with `text` in it, once it is complete. Throws when it does not come.
  std::string wait_for_line(std::string_view text, std::chrono::milliseconds patience = kPatience);
  [[nodiscard]] std::string output() const;  // so far
  // All of it, once the process closed it.
  std::string whole_output();

  // The exit code, or -N when signal N ended it. Throws when it goes on running.
  int wait_exit(std::chrono::milliseconds patience = kPatience);

 private:
  void read_output(int fd);
  // What the process is to have as that stream; `read` is the pipe that the test reads.
  UniqueFd open_sink(Sink sink, const UniqueFd& read);

  pid_t pid_ = -1;
  bool reaped_ = false;
  int exit_ = 0;
  UniqueFd stdin_;
  std::vector<UniqueFd> full_pipes_;
  UniqueFd pid_fd_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  bool output_ended_ = false;
  std::thread reader_;
};

// Sends the signal until the process has ended: what counts as one with an earlier signal does not
// end it. The exit code, as of wait_exit().
int exit_of_signals(ProcessUnderTest& process, int number);

}  // namespace ringgate::test
