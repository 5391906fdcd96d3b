#include "tests/services/store/redis/server.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/common/free_port.h"

namespace ringgate {
namespace {

// Also one that wants a password.
bool is_there(const std::string& answer) {
  return answer == "PONG" || answer.starts_with("NOAUTH");
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> more)
    : more_(std::move(more)), port_(test::free_port()) {
  start();
}

RedisServer::~RedisServer() {
  stop();
}

void RedisServer::start() {
  const std::string port = std::to_string(port_);
  std::vector<std::string> words = {"redis-server"};
  words.insert(words.end(), more_.begin(), more_.end());
  words.insert(words.end(), {"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
                             "no", "--logfile", "/dev/null", "--repl-diskless-sync-delay", "0",
                             "--repl-diskless-load", "swapdb"});
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (posix_spawnp(&pid_, "redis-server", nullptr, nullptr, arguments.data(), environ) != 0) {
    throw std::runtime_error("redis-server cannot be started: install redis-server");
  }
  for (int i = 0; i < 10'000; ++i) {
    context_.reset(redisConnect("127.0.0.1", port_));
    if (context_ && context_->err == 0 && is_there(ask({"PING"}))) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw std::runtime_error("redis-server does not answer");
}

void RedisServer::stop() {
  context_.reset();
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::pause() {
  kill(pid_, SIGSTOP);
}

void RedisServer::resume() {
  kill(pid_, SIGCONT);
}

std::unique_ptr<redisReply, RedisServer::Free> RedisServer::reply_to(
    const std::vector<std::string>& words) {
  std::vector<const char*> data;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    data.push_back(word.data());
    sizes.push_back(word.size());
  }
  // One that is made a primary closes its clients' connections.
  if (context_ && context_->err != 0) redisReconnect(context_.get());
  return std::unique_ptr<redisReply, Free>(static_cast<redisReply*>(
      redisCommandArgv(context_.get(), static_cast<int>(words.size()), data.data(), sizes.data())));
}

std::string RedisServer::ask(const std::vector<std::string>& words) {
  const auto reply = reply_to(words);
  if (!reply) return "(no reply)";
  return reply->type == REDIS_REPLY_NIL ? "(nil)" : std::string(reply->str, reply->len);
}

long long RedisServer::ask_number(const std::vector<std::string>& words) {
  const auto reply = reply_to(words);
  return reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

}  // namespace ringgate
