// How a fuzz target says that a promise was broken: the fuzzer, or ctest, sees the abort.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace ringgate {

inline void fuzz_check(bool kept, const std::string& promise) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", promise.c_str());
  std::abort();
}

}  // namespace ringgate
