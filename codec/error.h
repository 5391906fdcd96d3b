// The error of set-up and control code, and how it is returned. Data paths use enums instead.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace ringgate {

// `message` is one line: what is wrong and how to mend it. `exit_code` is what a command ends with:
// 2 for usage and configuration, 1 for the rest.
struct Error {
  std::string message;
  int exit_code = 1;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message, int exit_code = 1) {
  return std::unexpected(Error{std::move(message), exit_code});
}

}  // namespace ringgate
