#include "services/process/service_manager.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace ringgate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTurn{1000};
constexpr milliseconds kFirstTurns{50};  // until it is ready
constexpr milliseconds kStatus{5000};
constexpr std::size_t kMostUnsent = 4096;  // of bytes; a manager that reads nothing gets no more

std::string taken(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  unsetenv(name);
  return text;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto read = std::from_chars(begin, end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

// The same clock as the manager's, which sorts our message with its own.
std::int64_t monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

struct Address {
  sockaddr_un name{};
  socklen_t bytes = 0;
};

std::optional<Address> address_of(std::string_view socket) {
  Address address;
  address.name.sun_family = AF_UNIX;
  const bool is_abstract = socket.starts_with('@');
  if (!is_abstract && !socket.starts_with('/')) return std::nullopt;
  if (socket.size() < 2 || socket.size() >= sizeof address.name.sun_path) return std::nullopt;
  std::memcpy(address.name.sun_path, socket.data(), socket.size());
  if (is_abstract) address.name.sun_path[0] = '\0';
  address.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  return address;
}

}  // namespace

ManagerEnvironment ManagerEnvironment::take() {
  ManagerEnvironment environment{.socket = taken("NOTIFY_SOCKET")};
  const auto watchdog = number<std::int64_t>(taken("WATCHDOG_USEC"));
  const std::string whose = taken("WATCHDOG_PID");
  const bool is_ours = whose.empty() || number<pid_t>(whose) == getpid();
  if (watchdog && *watchdog > 0 && is_ours) {
    environment.watchdog = std::chrono::microseconds(*watchdog);
  }
  return environment;
}

ServiceManager::ServiceManager(ControlLoop& loop, ManagerEnvironment environment)
    : loop_(loop), environment_(std::move(environment)) {
  if (environment_.socket.empty()) return;
  socket_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void ServiceManager::start(Probes probes) {
  if (environment_.socket.empty()) return;
  probes_ = std::move(probes);
  turn();
}

void ServiceManager::turn() {
  const bool healthy = !probes_.health();
  if (!ready_ && healthy && probes_.serving()) {
    ready_ = true;
    say("READY=1");
  }
  tell_status(std::chrono::steady_clock::now());
  send();
  // Where a shard has come to rest for good, it is the manager who ends us. One that has no room
  // for this now does not get it later: it would say of then what was so before.
  if (ready_ && healthy && environment_.watchdog.count() != 0) {
    static_cast<void>(send_now("WATCHDOG=1\n"));
  }
  const auto often = std::chrono::duration_cast<milliseconds>(environment_.watchdog / 4);
  milliseconds pause = ready_ ? kTurn : kFirstTurns;
  if (often.count() != 0) pause = std::clamp(often, milliseconds(1), pause);
  loop_.after(pause, [this] { turn(); });
}

void ServiceManager::tell_status(std::chrono::steady_clock::time_point now) {
  if (now < status_due_) return;
  std::string status = probes_.status();
  if (refused_) status += "; the last reload was refused, see the log";
  std::ranges::replace(status, '\n', ' ');
  if (status == status_) return;
  status_due_ = now + kStatus;
  status_ = std::move(status);
  say("STATUS=" + status_);
}

void ServiceManager::reloading() {
  if (!ready_) return;
  reloading_ = true;
  say(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_us()));
  send();
}

void ServiceManager::reloaded(bool good) {
  refused_ = !good;
  status_due_ = {};
  if (!std::exchange(reloading_, false)) return;
  say("READY=1");
  tell_status(std::chrono::steady_clock::now());
  send();
}

// A drain may be configured to take longer than the manager would wait.
void ServiceManager::stopping(milliseconds time) {
  say(fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}",
                  std::chrono::duration_cast<std::chrono::microseconds>(time).count()));
  send();
}

void ServiceManager::say(std::string_view line) {
  if (environment_.socket.empty() || unsent_.size() + line.size() > kMostUnsent) return;
  unsent_.append(line).push_back('\n');
}

void ServiceManager::send() {
  if (unsent_.empty() || !send_now(unsent_)) return;
  unsent_.clear();
}

// False: later.
bool ServiceManager::send_now(std::string_view message) {
  const std::optional<Address> to = address_of(environment_.socket);
  int error = EAFNOSUPPORT;
  if (to) {
    const auto* const name = reinterpret_cast<const sockaddr*>(&to->name);
    const ssize_t sent =
        sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL, name, to->bytes);
    if (sent >= 0) return true;
    error = errno;
    if (error == EAGAIN || error == ENOBUFS || error == EINTR) return false;
  }
  if (!std::exchange(is_told_, true)) {
    spdlog::warn("the service manager at NOTIFY_SOCKET {} hears nothing: {}", environment_.socket,
                 std::strerror(error));
  }
  return true;
}

}  // namespace ringgate
