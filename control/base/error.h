// Errors of set-up and control code: one line that says what is wrong and how to mend it.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "codec/error.h"

namespace ringgate {

// An error of usage or configuration: the command ends with exit code 2.
template <class... Args>
std::unexpected<Error> usage_error(fmt::format_string<Args...> text, Args&&... args) {
  return fail(fmt::format(text, std::forward<Args>(args)...), 2);
}

// Any other error: exit code 1.
template <class... Args>
std::unexpected<Error> run_error(fmt::format_string<Args...> text, Args&&... args) {
  return fail(fmt::format(text, std::forward<Args>(args)...), 1);
}

}  // namespace ringgate
