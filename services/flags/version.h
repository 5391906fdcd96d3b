// Which build of us a program is: the version, and the commit of the source where that is known.
#pragma once

#include <string>
#include <string_view>

namespace ringgate {

[[nodiscard]] std::string_view version() noexcept;
// "4fc234a3c1d2", "4fc234a3c1d2-dirty" where the source had changes that are in no commit, or
// nothing where it came without its history. Any thread.
[[nodiscard]] std::string_view build_commit() noexcept;
// "0.1.0 (4fc234a3c1d2)", or only "0.1.0". Any thread.
[[nodiscard]] std::string version_text();

// For main, before any thread. `commit` lives as long as the process. The programs tell, and not a
// library: a commit would otherwise link every test anew.
void note_build_commit(std::string_view commit) noexcept;

}  // namespace ringgate
