#include "tests/integration/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

namespace ringgate::test {
namespace {

std::pair<UniqueFd, UniqueFd> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Between fork and exec: only what is safe there.
[[noreturn]] void become(char* const* arguments, int input, int output, int errors, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(input, STDIN_FILENO);
  for (const auto& [fd, wanted] : {std::pair(output, STDOUT_FILENO), {errors, STDERR_FILENO}}) {
    if (fd < 0) {
      close(wanted);
    } else {
      dup2(fd, wanted);
    }
  }
  execvp(arguments[0], arguments);
  _exit(127);
}

UniqueFd open_device(const char* name) {
  UniqueFd fd(open(name, O_WRONLY | O_CLOEXEC));
  if (!fd) throw std::runtime_error(std::string("cannot open ") + name);
  return fd;
}

std::optional<std::string> line_with(const std::string& output, std::string_view text) {
  std::size_t at = 0;
  for (std::size_t end = output.find('\n'); end != std::string::npos; end = output.find('\n', at)) {
    std::string line = output.substr(at, end - at);
    if (line.find(text) != std::string::npos) return line;
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> ProcessUnderTest::ringgate(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), RINGGATE_BINARY);
  return arguments;
}

UniqueFd ProcessUnderTest::open_sink(Sink sink, const UniqueFd& read) {
  if (sink == Sink::kRead) return UniqueFd(fcntl(read.get(), F_DUPFD_CLOEXEC, 0));
  if (sink == Sink::kNone) return {};
  if (sink == Sink::kFullDisk) return open_device("/dev/full");
  auto [reader, writer] = make_pipe();
  if (sink == Sink::kFullPipe) {
    const int room = fcntl(writer.get(), F_SETPIPE_SZ, 4096);
    const std::string filling(static_cast<std::size_t>(room), '.');
    if (::write(writer.get(), filling.data(), filling.size()) != room) {
      throw std::runtime_error("the pipe does not fill");
    }
    full_pipes_.push_back(std::move(reader));
  }
  return std::move(writer);
}

ProcessUnderTest::ProcessUnderTest(const std::vector<std::string>& words, const Streams& streams) {
  std::signal(SIGPIPE, SIG_IGN);
  auto [input, to_input] = make_pipe();
  auto [from_output, read] = make_pipe();
  const UniqueFd output = open_sink(streams.out, read);
  const UniqueFd errors = open_sink(streams.err, read);
  read.reset();
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(arguments.data(), input.get(), output.get(), errors.get(), parent);
  if (pid_ < 0) throw std::runtime_error("fork failed");
  stdin_ = std::move(to_input);
  pid_fd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  reader_ = std::thread([this, fd = from_output.release()] { read_output(fd); });
}

ProcessUnderTest::~ProcessUnderTest() {
  if (!reaped_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  reader_.join();
}

void ProcessUnderTest::read_output(int fd) {
  const UniqueFd owner(fd);
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (got > 0) output_.append(buffer.data(), static_cast<std::size_t>(got));
    output_ended_ = got <= 0;
    changed_.notify_all();
    if (got <= 0) return;
  }
}

void ProcessUnderTest::signal(int number) const {
  if (kill(pid_, number) != 0) throw std::runtime_error("kill failed");
}

void ProcessUnderTest::freeze() const {
  signal(SIGSTOP);
  if (waitpid(pid_, nullptr, WUNTRACED) != pid_) throw std::runtime_error("waitpid failed");
}

void ProcessUnderTest::write(std::string_view text) {
  if (::write(stdin_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("the process does not take its input");
  }
}

std::string ProcessUnderTest::wait_for_line(std::string_view text,
                                            std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  std::optional<std::string> line;
  changed_.wait_for(lock, patience, [&] {
    line = line_with(output_, text);
    return line || output_ended_;
  });
  if (line) return *line;
  throw std::runtime_error("no line with \"" + std::string(text) + "\" in the output:\n" + output_);
}

std::string ProcessUnderTest::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

std::string ProcessUnderTest::whole_output() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [this] { return output_ended_; })) {
    throw std::runtime_error("the output does not end:\n" + output_);
  }
  return output_;
}

int ProcessUnderTest::wait_exit(std::chrono::milliseconds patience) {
  if (reaped_) return exit_;
  const auto until = SteadyClock::now() + patience;
  pollfd ended{pid_fd_.get(), POLLIN, 0};
  int ready = 0;
  while ((ready = poll(&ended, 1, left_ms(until))) < 0 && errno == EINTR) {
  }
  if (ready == 0) throw std::runtime_error("the process goes on running:\n" + output());
  int status = 0;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  // What it said last is still on its way; a child of its own may keep the pipe open for longer.
  constexpr std::chrono::seconds kLastWords{5};
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kLastWords, [this] { return output_ended_; });
  return exit_;
}

int exit_of_signals(ProcessUnderTest& process, int number) {
  constexpr std::chrono::milliseconds kPause{100};
  const auto until = SteadyClock::now() + kPatience;
  for (;;) {
    process.signal(number);
    try {
      return process.wait_exit(kPause);
    } catch (const std::runtime_error&) {
      if (SteadyClock::now() > until) throw;
    }
  }
}

}  // namespace ringgate::test
