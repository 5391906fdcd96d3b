// Reading a small file whole: configuration, secrets, routes. Any thread; it may block for as long
// as the disk does, and for kMaxPipeWait on a pipe.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

#include "control/base/error.h"

namespace ringgate {

// In all, where the file is a pipe, as of `-c <(command)`. One that nobody writes to would
// otherwise hold up the thread that reloads the configuration, for good.
inline constexpr std::chrono::milliseconds kMaxPipeWait{2000};

// At most `limit` bytes; a longer file is an error. Errors name the file and have exit code 2.
Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t limit);

}  // namespace ringgate
