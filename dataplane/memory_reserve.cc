#include "dataplane/memory_reserve.h"

#include <sys/mman.h>

#include <atomic>
#include <new>

namespace ringgate::memory_reserve {
namespace {

// Not of malloc: given back, it is there for everybody at once.
std::atomic<void*> kept{nullptr};
std::atomic<bool> has_gone{false};

void* map() noexcept {
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// Of operator new, which tries again when this returns.
void give_up_reserve() {
  void* const memory = kept.exchange(nullptr);
  if (memory == nullptr) throw std::bad_alloc();
  has_gone = true;
  munmap(memory, kBytes);
}

}  // namespace

void keep() noexcept {
  kept = map();
  if (kept != nullptr) std::set_new_handler(&give_up_reserve);
}

bool is_used() noexcept {
  return has_gone.load(std::memory_order_relaxed);
}

void refill() noexcept {
  if (!is_used()) return;
  void* const memory = map();
  if (memory == nullptr) return;
  has_gone = false;  // before it is there for another to take
  void* nobody = nullptr;
  if (!kept.compare_exchange_strong(nobody, memory)) munmap(memory, kBytes);  // another thread's
}

}  // namespace ringgate::memory_reserve
