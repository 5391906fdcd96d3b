// Reading a small file whole: configuration, secrets, routes. Any thread; it may block.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "control/error.h"

namespace ringgate {

// At most `limit` bytes; a longer file is an error. Errors name the file and have exit code 2.
Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t limit);

}  // namespace ringgate
