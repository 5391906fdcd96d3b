#include "tests/services/store/redis/fake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <utility>

namespace ringgate {
namespace {

constexpr int kLookMs = 20;  // for the end

// Takes "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n" from the front; nothing while it is not whole.
std::optional<FakeRedis::Words> take_command(std::string& input) {
  std::size_t at = 0;
  const auto number = [&](char kind) -> std::optional<std::size_t> {
    const std::size_t end = input.find("\r\n", at);
    if (end == std::string::npos || input[at] != kind) return std::nullopt;
    const std::size_t value = std::stoul(input.substr(at + 1, end - at - 1));
    at = end + 2;
    return value;
  };
  const std::optional<std::size_t> count = number('*');
  if (!count) return std::nullopt;
  FakeRedis::Words words;
  for (std::size_t i = 0; i < *count; ++i) {
    const std::optional<std::size_t> bytes = number('$');
    if (!bytes || input.size() < at + *bytes + 2) return std::nullopt;
    words.push_back(input.substr(at, *bytes));
    at += *bytes + 2;
  }
  input.erase(0, at);
  return words;
}

bool readable(int fd) {
  pollfd file{fd, POLLIN, 0};
  return poll(&file, 1, kLookMs) == 1;
}

}  // namespace

FakeRedis::FakeRedis(Answer answer)
    : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, any, bytes) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, any, &bytes) != 0) {
    throw std::runtime_error("the fake Redis cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

FakeRedis::~FakeRedis() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void FakeRedis::run() {
  while (!stopping_) {
    if (!readable(listener_)) continue;
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) continue;
    ++connections_;
    serve(fd);
    close(fd);
  }
}

void FakeRedis::serve(int fd) {
  std::string input;
  while (!stopping_) {
    if (!readable(fd)) continue;
    char bytes[4096];
    const ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    if (size <= 0) return;
    input.append(bytes, static_cast<std::size_t>(size));
    while (const std::optional<Words> command = take_command(input)) {
      const std::string answer = answer_(*command);
      if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    }
  }
}

std::string FakeRedis::well(const Words& command) {
  if (command[0] != "EVAL") return "$-1\r\n";
  const std::string& key = command[3];
  if (key.find(":ringgate,probe,") != std::string::npos) {
    return "$" + std::to_string(command[4].size()) + "\r\n" + command[4] + "\r\n";
  }
  if (key.starts_with("login:loc:")) return "$-1\r\n";
  return ":1\r\n";
}

}  // namespace ringgate
