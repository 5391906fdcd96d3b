// A made-up measurement in which no two numbers are alike, for tests of how one is told. Plain
// values, the same each time.
#pragma once

#include <memory>

#include "benchmarks/ringbench/measurement.h"

namespace ringgate::bench {

// Open loop of talks: 10 intervals, talks and deliveries, errors, a target of 2 threads.
struct Sample {
  Options options;
  Measurement measured;

  ProcessUse& target();  // that of `measured`
};
// On the heap: it is large for a stack.
[[nodiscard]] std::unique_ptr<Sample> make_sample();

}  // namespace ringgate::bench
