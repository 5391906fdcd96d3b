// Why a run ended before its time. Plain value.
#pragma once

#include <string>

namespace ringgate::bench {

struct RunEnd {
  std::string sentence;
  bool own_limit = false;  // it was ringbench's, and says nothing about the target
};

}  // namespace ringgate::bench
