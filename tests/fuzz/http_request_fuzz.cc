// HTTP requests of the monitor: the verdict does not depend on the chunks, and what is taken keeps
// the rules that pages rely on.
#include "codec/http_request.h"
#include "tests/codec/hex.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

struct Outcome {
  HttpReadStatus status = HttpReadStatus::kNeedMore;
  int http_status = 0;
  std::string path;
  ReceivedRequest::Parameters parameters;
  std::optional<std::string> host;

  bool operator==(const Outcome&) const = default;
};

Outcome read(ByteView input, std::size_t chunk_bytes) {
  HttpRequestReader reader;
  Outcome outcome;
  bool told_to_continue = false;
  while (!input.empty() && outcome.status == HttpReadStatus::kNeedMore) {
    const ByteView part = input.first(std::min(chunk_bytes, input.size()));
    const Bytes chunk(part.begin(), part.end());
    outcome.status = reader.feed(chunk);
    input = input.subspan(part.size());
    if (outcome.status == HttpReadStatus::kNeedContinue) {
      fuzz_check(!told_to_continue, "told to continue twice");
      told_to_continue = true;
      outcome.status = HttpReadStatus::kNeedMore;
    }
  }
  outcome.http_status = reader.http_status();
  outcome.path = reader.request().path;
  outcome.parameters = reader.request().parameters;
  outcome.host = reader.request().host;
  return outcome;
}

void check_outcome(const Outcome& outcome, std::size_t input_bytes) {
  const bool refused = outcome.status == HttpReadStatus::kRefused;
  fuzz_check(refused == (outcome.http_status >= 400 && outcome.http_status < 600),
             "refused without a status, or the other way round");
  fuzz_check(outcome.status != HttpReadStatus::kNeedMore ||
                 input_bytes < kMaxHttpHeadBytes + kMaxHttpBodyWireBytes,
             "no verdict on what is above every bound");
  if (outcome.status != HttpReadStatus::kDone) return;
  fuzz_check(outcome.path == "*" || outcome.path.starts_with('/'), "a path that is none");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const Outcome whole = read(input, std::max<std::size_t>(size, 1));
  check_outcome(whole, size);
  fuzz_check(read(input, 1) == whole, "byte by byte ends differently");
  fuzz_check(read(input, 13) == whole, "chunks of thirteen end differently");
  return 0;
}
