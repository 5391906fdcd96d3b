// What is wrong for a while, told once: a line in the log when it begins, and one, with how long it
// lasted, when it is over. In between its text may change (numbers in it do): /ready shows the
// newest, the log had the first.
//
// Plain objects without locks: whoever shares one between threads has a lock for it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace ringgate {

// Puts what else is wrong on a line of its own.
void add_line(std::optional<std::string>& lines, const std::optional<std::string>& line);

class Episode {
 public:
  // A sentence: it lasts. Nothing: it is over, or still has not begun.
  void update(std::optional<std::string> text);
  [[nodiscard]] const std::optional<std::string>& text() const noexcept { return text_; }

 private:
  std::optional<std::string> text_;
  std::chrono::steady_clock::time_point since_;
};

// Several, by what each is about ("store", "full"): a bounded set of names.
class Episodes {
 public:
  using Texts = std::map<std::string, std::string>;

  // All that is wrong now. What lasted and is not among it is over.
  void update(const Texts& now);
  // A line for each that lasts, or nothing.
  [[nodiscard]] std::optional<std::string> text() const;

 private:
  std::map<std::string, Episode> lasting_;
};

}  // namespace ringgate
