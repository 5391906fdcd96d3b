#include "control/text_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "control/config_values.h"

namespace ringgate {

Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t limit) {
  std::error_code failure;
  if (std::filesystem::is_directory(file, failure)) {
    return usage_error("{} is a directory; name the file in it", file.string());
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return usage_error("cannot open {}: {}; check the path and its permissions", file.string(),
                       std::strerror(errno));
  }
  std::string text(limit + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) return usage_error("cannot read {}: {}", file.string(), std::strerror(errno));
  if (text.size() > limit) {
    return usage_error("{} is longer than {}; is it the right file?", file.string(),
                       format_size(limit));
  }
  return text;
}

}  // namespace ringgate
