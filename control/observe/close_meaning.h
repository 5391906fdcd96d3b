// What it means that a connection was closed for a reason: for the log and the documentation.
// Whoever has an enum of such reasons has a table of these, a row for each value in their order;
// is_complete() is asked where the table stands, so that a new reason does not compile without.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "control/observe/log_level.h"

namespace ringgate {

template <class Reason>
struct CloseMeaning {
  Reason reason;
  // At which the log has it. Warn: an operator may have to act; info: the client's author may;
  // debug: it ends so every day, or another line says it.
  LogLevel level;
  std::string_view by;  // who ended it
  std::string_view meaning;
};

template <class Reason>
[[nodiscard]] consteval bool is_complete(std::span<const CloseMeaning<Reason>> rows) {
  if (rows.size() != static_cast<std::size_t>(Reason::kEnd)) return false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (static_cast<std::size_t>(rows[i].reason) != i) return false;
    if (rows[i].by.empty() || rows[i].meaning.empty()) return false;
  }
  return true;
}

}  // namespace ringgate
