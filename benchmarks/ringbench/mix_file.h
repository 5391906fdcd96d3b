// A mix file: what clients do, as a YAML list.
//
//   - {do: ping, share: 60}
//   - {do: talk, share: 30, think: 1s..5s, body: 32..256}
//   - {do: forward, share: 10, body: 128}
//
// `share` is relative to the others'. In closed loop `think` is the pause after the answer; in open
// loop --rate says when. Set-up code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/ringbench/options.h"
#include "codec/error.h"

namespace ringgate::bench {

// The error names the file, the line and what is wrong there.
[[nodiscard]] Result<std::vector<MixStep>> read_mix_file(const std::string& file);
[[nodiscard]] Result<std::vector<MixStep>> parse_mix(std::string_view yaml);

}  // namespace ringgate::bench
