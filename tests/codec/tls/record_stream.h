// A stream of records as a connection gets it, in chunks, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "codec/tls/cipher.h"
#include "codec/tls/records.h"
#include "tests/codec/hex.h"

namespace ringgate::tls {

struct Transcript {
  std::string data;                  // of all records
  std::vector<OpenStatus> statuses;  // of all records; the last may be an end or a failure
  Alert alert = Alert::kCloseNotify;
  std::string broken_rule;  // what open() promises and did not keep; not compared

  [[nodiscard]] OpenStatus end() const {
    return statuses.empty() ? OpenStatus::kNeedMore : statuses.back();
  }
  friend bool operator==(const Transcript& a, const Transcript& b) {
    return a.data == b.data && a.statuses == b.statuses && a.alert == b.alert;
  }
};

// Whether anything may come after it.
[[nodiscard]] constexpr bool is_end(OpenStatus status) noexcept {
  return status >= OpenStatus::kCloseNotify;
}

// Opens all of `stream`, of which `next_chunk` says how much comes at once: what is incomplete is
// collected, up to the `need` of it.
[[nodiscard]] Transcript read_records(
    Records& records, Cipher& cipher, const Bytes& stream,
    const std::function<std::size_t()>& next_chunk = [] { return SIZE_MAX; });

}  // namespace ringgate::tls
