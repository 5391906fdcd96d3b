// What clang's thread-safety analysis must not let through: never part of a program.
#include "control/base/mutex.h"

namespace ringgate {

class Unguarded {
 public:
  int queued() const { return queued_; }

 private:
  mutable Mutex mutex_;
  int queued_ ABSL_GUARDED_BY(mutex_) = 0;
};

int count(const Unguarded& queue) {
  return queue.queued();
}

}  // namespace ringgate
