// Made anew at each build by scripts/cmake/commit.cmake, for programs to tell version.h of it.
#pragma once

namespace ringgate {

// "" where it is not known. Defined in the target ringgate_commit, which only programs link.
extern const char kBuildCommit[];

}  // namespace ringgate
