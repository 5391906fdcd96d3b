#include "services/top/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "control/base/standard_output.h"

namespace ringgate::top {
namespace {

constexpr std::string_view kEnter = "\033[?1049h\033[?25l";
constexpr std::string_view kLeave = "\033[?25h\033[?1049l";
constexpr std::string_view kHome = "\033[H";
constexpr std::string_view kClearLine = "\033[K";
constexpr std::string_view kClearBelow = "\033[J";
constexpr char kCtrlC = 3;

bool ends_it(char key) {
  return key == 'q' || key == 'Q' || key == kCtrlC;
}

}  // namespace

bool Terminal::is_there() {
  return isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
}

Terminal::Size Terminal::size() {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return {80, 24};
  return {window.ws_col, window.ws_row};
}

Result<std::unique_ptr<Terminal>> Terminal::open() {
  termios before{};
  if (tcgetattr(STDIN_FILENO, &before) != 0) {
    return run_error("cannot use the terminal: {}", std::strerror(errno));
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) {
    return run_error("cannot block signals: {}", std::strerror(errno));
  }
  UniqueFd descriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!descriptor) return run_error("cannot watch for signals: {}", std::strerror(errno));
  std::unique_ptr<Terminal> terminal(new Terminal(before, std::move(descriptor)));
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  if (auto entered = print_out(kEnter); !entered) return std::unexpected(entered.error());
  return terminal;
}

Terminal::~Terminal() {
  static_cast<void>(print_out(kLeave));  // whoever does not take it has gone
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

Result<void> Terminal::draw(std::string_view lines) const {
  std::string text(kHome);
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    text.append(lines.substr(0, end)).append(kClearLine);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!lines.empty()) text += "\r\n";
  }
  return print_out(text.append(kClearBelow));
}

bool Terminal::wait(int ms) const {
  std::array<pollfd, 2> both{{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  if (poll(both.data(), both.size(), ms) <= 0) return true;  // time is up, or a window's signal
  if (both[1].revents != 0) return false;
  std::array<char, 64> keys{};
  const ssize_t count = read(STDIN_FILENO, keys.data(), keys.size());
  if (count <= 0) return false;
  for (ssize_t i = 0; i < count; ++i) {
    if (ends_it(keys[static_cast<std::size_t>(i)])) return false;
  }
  return true;
}

}  // namespace ringgate::top
