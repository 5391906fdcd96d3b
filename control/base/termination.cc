#include "control/base/termination.h"

#include <cxxabi.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <new>
#include <typeinfo>

namespace ringgate {
namespace {

constexpr int kPatienceMs = 1000;

char sentence[256];
std::size_t sentence_bytes = 0;
std::terminate_handler of_bugs = nullptr;

bool is_out_of_memory() noexcept {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  return type != nullptr && (*type == typeid(std::bad_alloc) ||  //
                             *type == typeid(std::bad_array_new_length));
}

// Nothing here allocates.
void on_terminate() noexcept {
  if (!is_out_of_memory()) of_bugs();
  static std::atomic_flag is_said = ATOMIC_FLAG_INIT;
  while (is_said.test_and_set()) pause();  // another thread is at it
  pollfd writable{STDERR_FILENO, POLLOUT, 0};
  if (poll(&writable, 1, kPatienceMs) > 0) {
    [[maybe_unused]] const ssize_t put = write(STDERR_FILENO, sentence, sentence_bytes);
  }
  _exit(1);
}

}  // namespace

void end_with_a_sentence_without_memory(const char* program) noexcept {
  const int bytes = std::snprintf(sentence, sizeof sentence, "%s: %s\n", program, kOutOfMemory);
  sentence_bytes = static_cast<std::size_t>(bytes);
  of_bugs = std::set_terminate(&on_terminate);
}

}  // namespace ringgate
