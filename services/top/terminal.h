// A terminal that is drawn on: its other screen, without a cursor, keys as they are pressed. What
// it was like before is there again when this goes. One at a time, one thread.
#pragma once

#include <termios.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "control/base/error.h"
#include "control/base/unique_fd.h"

namespace ringgate::top {

class Terminal {
 public:
  // Takes SIGINT, SIGTERM and SIGHUP for itself: they end wait() instead of the process.
  static Result<std::unique_ptr<Terminal>> open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] static bool is_there();  // stdin and stdout both are one
  struct Size {
    std::size_t columns;
    std::size_t rows;
  };
  [[nodiscard]] static Size size();

  // Over what is there; lines that are left of it go.
  [[nodiscard]] Result<void> draw(std::string_view lines) const;
  // False: somebody wants to end it (q, Ctrl-C, a signal, or nobody is there any more).
  [[nodiscard]] bool wait(int ms) const;

 private:
  Terminal(const termios& before, UniqueFd signals)
      : before_(before), signals_(std::move(signals)) {}

  termios before_;
  UniqueFd signals_;
};

}  // namespace ringgate::top
