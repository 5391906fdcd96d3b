// Helper threads of the control side.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "dataplane/shortage.h"

namespace ringgate {

// Blocks every signal in the calling thread while it lives; threads started meanwhile inherit that,
// so that signals are only ever delivered where the control loop expects them.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// what() is the sentence, and nothing after it.
class NoThread : public std::system_error {
 public:
  NoThread(std::error_code code, std::string sentence)
      : std::system_error(code), sentence_(std::move(sentence)) {}
  [[nodiscard]] const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  std::string sentence_;
};

// A thread that takes no signals. The kernel keeps the first 15 characters of the name. Throws
// NoThread, whose what() is a sentence, when no thread is to be had.
template <class Function>
std::thread start_thread(const std::string& name, Function function) {
  const SignalsBlocked blocked;
  try {
    return std::thread([name = name.substr(0, 15), function = std::move(function)]() mutable {
      pthread_setname_np(pthread_self(), name.c_str());
      function();
    });
  } catch (const std::system_error& failure) {
    throw NoThread(failure.code(), "no thread for " + name + ": " + why_no_thread());
  }
}

}  // namespace ringgate
