// Upgrade requests: the verdict, where it falls and the answer do not depend on the chunks, and an
// answer is a whole HTTP response.
#include "codec/ws_upgrade.h"
#include "tests/codec/hex.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

struct Outcome {
  int http_status = 0;
  std::size_t consumed = 0;
  std::string response;
  std::string forwarded_for;

  bool operator==(const Outcome&) const = default;
};

Outcome upgrade(ByteView input, const WsUpgradeOptions& options, std::size_t chunk_bytes) {
  WsUpgrade upgrade(options);
  Outcome outcome;
  while (!input.empty() && upgrade.http_status() == 0) {
    const ByteView part = input.first(std::min(chunk_bytes, input.size()));
    const Bytes chunk(part.begin(), part.end());
    const UpgradeStep step = upgrade.feed(chunk);
    fuzz_check(step.consumed <= chunk.size(), "more consumed than there was");
    fuzz_check((step.status == UpgradeStatus::kNeedMore) == (upgrade.http_status() == 0),
               "status and verdict differ");
    outcome.consumed += step.consumed;
    input = input.subspan(part.size());
  }
  outcome.http_status = upgrade.http_status();
  outcome.response = upgrade.response();
  outcome.forwarded_for = upgrade.forwarded_for();
  return outcome;
}

void check_outcome(const Outcome& outcome, const WsUpgradeOptions& options) {
  fuzz_check(outcome.consumed <= options.max_bytes, "more than the bound is collected");
  if (outcome.http_status == 0) {
    fuzz_check(outcome.response.empty(), "an answer before the verdict");
    return;
  }
  const std::size_t end = outcome.response.find("\r\n\r\n");
  fuzz_check(end != std::string::npos, "an answer without an end");
  fuzz_check(outcome.response.starts_with("HTTP/1.1 " + std::to_string(outcome.http_status) + " "),
             "an answer with another status");
  const std::size_t body_bytes = outcome.response.size() - end - 4;
  if (outcome.http_status == 101) {
    fuzz_check(body_bytes == 0, "bytes after a 101");
  } else {
    const std::string length = "Content-Length: " + std::to_string(body_bytes) + "\r\n";
    fuzz_check(outcome.response.find(length) < end, "a body of another length");
  }
}

void check_request(ByteView input, const WsUpgradeOptions& options) {
  const Outcome whole = upgrade(input, options, input.size());
  check_outcome(whole, options);
  fuzz_check(upgrade(input, options, 1) == whole, "byte by byte ends differently");
  fuzz_check(upgrade(input, options, 13) == whole, "chunks of thirteen end differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  static const WsUpgradeOptions strict = {
      .path = "/", .allowed_origins = {"http://a.example"}, .subprotocol = ""};
  static const WsUpgradeOptions open = {
      .path = "/chat", .allowed_origins = {"*"}, .subprotocol = "kim"};
  static const WsUpgradeOptions below = {.path = "/chat/*",
                                         .allowed_origins = {"https://*.a.example:8443"},
                                         .subprotocol = "",
                                         .max_bytes = 1024};
  check_request(input, strict);
  check_request(input, below);
  check_request(input, open);
  return 0;
}
