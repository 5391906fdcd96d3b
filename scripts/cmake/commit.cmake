# The commit of the source, for --version and ringgate_build_info. As a script (cmake -P) it writes
# FILE, and touches nothing when it is as it was; else it makes the target ringgate_commit, which only
# programs link.
if(CMAKE_SCRIPT_MODE_FILE)
  set(commit "${COMMIT}")
  if(commit STREQUAL "")
    # Not one of a tree that ours only lies in. Asking must not write to the tree's index.
    set(ENV{GIT_OPTIONAL_LOCKS} 0)
    execute_process(COMMAND git -C ${SOURCE} rev-parse --show-toplevel
      OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      file(REAL_PATH "${top}" top)
      file(REAL_PATH "${SOURCE}" source)
      if(top STREQUAL source)
        execute_process(
          COMMAND git -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty
          OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      endif()
    endif()
  endif()
  file(CONFIGURE OUTPUT ${FILE} @ONLY CONTENT [[
#include "services/flags/build_commit.h"

namespace ringgate {

const char kBuildCommit[] = "@commit@";

}  // namespace ringgate
]])
  return()
endif()

set(RINGGATE_COMMIT "" CACHE STRING "The commit of a source that comes without its history")
set(commit_file ${CMAKE_BINARY_DIR}/build_commit.cc)
add_custom_target(ringgate_ask_commit BYPRODUCTS ${commit_file}
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D FILE=${commit_file}
    -D COMMIT=${RINGGATE_COMMIT} -P ${CMAKE_CURRENT_LIST_FILE}
  COMMENT "" VERBATIM)
add_library(ringgate_commit OBJECT ${commit_file})
add_dependencies(ringgate_commit ringgate_ask_commit)
target_link_libraries(ringgate_commit PRIVATE ringgate_flags)
set_target_properties(ringgate_commit PROPERTIES RINGGATE_NOT_PRECOMPILED TRUE)
