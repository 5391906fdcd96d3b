// Micro-benchmarks of what WebSocket adds to a message: the frame's head, unmasking by each
// instruction set, and whether text is UTF-8. Single thread, everything in cache.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/unmask.h"
#include "codec/utf8.h"
#include "codec/ws_frame.h"
#include "codec/ws_utf8.h"

namespace ringgate {
namespace {

constexpr WsMaskKey kKey = {0x37, 0xfa, 0x21, 0x3d};

void frame_head(benchmark::State& state) {
  const auto payload_bytes = static_cast<std::size_t>(state.range(0));
  std::vector<std::uint8_t> frame(kMaxWsFrameHeadBytes);
  const std::uint8_t* const payload =
      write_ws_client_head(frame.data(), Opcode::kBinary, payload_bytes, kKey);
  frame.resize(static_cast<std::size_t>(payload - frame.data()) + payload_bytes);
  const WsFrameRules rules{.max_data_bytes = 65'536};
  for (auto _ : state) benchmark::DoNotOptimize(next_ws_frame(frame, rules));
}
BENCHMARK(frame_head)->Arg(8)->Arg(1024);

using Unmask = void (*)(MutableBytes, WsMaskKey, std::size_t) noexcept;

void unmask_inlined(MutableBytes bytes, WsMaskKey key, std::size_t offset) noexcept {
  unmask(bytes, key, offset);
}

void unmask_by(benchmark::State& state, Unmask function, bool possible) {
  if (!possible) {
    state.SkipWithError("this processor lacks the instructions");
    return;
  }
  std::vector<std::uint8_t> payload(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    function(payload, kKey, 0);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(unmask_by, scalar, unmask_scalar, true)->Arg(8)->Arg(64)->Arg(1024)->Arg(16'384);
BENCHMARK_CAPTURE(unmask_by, avx2, unmask_avx2, can_unmask_avx2())
    ->Arg(8)
    ->Arg(64)
    ->Arg(1024)
    ->Arg(16'384);
// As a shard does it: the heartbeat's eight bytes without a call of the others.
BENCHMARK_CAPTURE(unmask_by, best, unmask_inlined, true)->Arg(8)->Arg(64)->Arg(1024)->Arg(16'384);

std::string text_of(std::string_view repeated, std::size_t bytes) {
  std::string text;
  while (text.size() + repeated.size() <= bytes) text += repeated;
  return text;
}

constexpr std::string_view kAscii = "abcdefgh";
constexpr std::string_view kMixed = "h\u00e9llo \u4f60\u597d \U0001F44B ";

// Names in headers and whole text messages.
void whole_utf8(benchmark::State& state, std::string_view repeated) {
  const std::string text = text_of(repeated, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const std::string_view view = text;
    benchmark::DoNotOptimize(view.data());
    benchmark::DoNotOptimize(is_utf8(view));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(whole_utf8, ascii, kAscii)->Arg(16)->Arg(64)->Arg(1024)->Arg(16'384);
BENCHMARK_CAPTURE(whole_utf8, mixed, kMixed)->Arg(64)->Arg(1024)->Arg(16'384);

// Text that comes in fragments.
void parts_of_utf8(benchmark::State& state, std::string_view repeated) {
  const std::string text = text_of(repeated, static_cast<std::size_t>(state.range(0)));
  Utf8Validator validator;
  for (auto _ : state) {
    benchmark::DoNotOptimize(validator.push(as_bytes(text)));
    benchmark::DoNotOptimize(validator.complete());
    validator.reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(parts_of_utf8, ascii, kAscii)->Arg(64)->Arg(1024);
BENCHMARK_CAPTURE(parts_of_utf8, mixed, kMixed)->Arg(64)->Arg(1024);

}  // namespace
}  // namespace ringgate

BENCHMARK_MAIN();
