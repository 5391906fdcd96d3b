// RINGGATE_CHECK, which the codec has too, and RINGGATE_ON_THREAD.
#pragma once

#include <thread>

#include "codec/check.h"

namespace ringgate {

// The thread that an object belongs to while it runs. Before bind() and after release() there is
// none, and whoever owns the object may use it.
class OwnThread {
 public:
  // From now on this thread's.
  void bind() noexcept { id_ = std::this_thread::get_id(); }
  // The thread has ended.
  void release() noexcept { id_ = std::thread::id(); }
  [[nodiscard]] bool is_here() const noexcept {
    return id_ == std::thread::id() || id_ == std::this_thread::get_id();
  }

 private:
  std::thread::id id_;
};

}  // namespace ringgate

// At the start of what only that thread may call. In every build but release, which checks nothing:
// these are called several times per packet.
#ifdef NDEBUG
#define RINGGATE_ON_THREAD(own) static_cast<void>(0)
#else
#define RINGGATE_ON_THREAD(own) RINGGATE_CHECK((own).is_here())
#endif
