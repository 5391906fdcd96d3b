// Writing a file as a whole: whoever reads it meanwhile sees the old one or the new one. Any
// thread; it blocks for as long as the disk does.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

#include "control/base/error.h"

namespace ringgate {

struct ReplaceFile {
  mode_t mode = 0666;       // of a new file, from its first byte on; less the umask
  bool keeps_mode = false;  // that of the file that is there, if one is
  bool is_durable = false;  // on the disk when this returns, and no less than that before
};

// By a file beside it, of which nothing is left when this fails; two processes may do it at once,
// but not two threads of one. What `file` is a symbolic link to is not looked for: the link is
// replaced. The error is only why, as the system says it.
[[nodiscard]] Result<void> replace_file(const std::filesystem::path& file, std::string_view text,
                                        const ReplaceFile& how);

// All of it, whatever signals come. False: errno says why.
[[nodiscard]] bool write_all(int fd, std::string_view text);

}  // namespace ringgate
