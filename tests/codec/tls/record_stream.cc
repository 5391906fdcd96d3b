#include "tests/codec/tls/record_stream.h"

#include <algorithm>

namespace ringgate::tls {
namespace {

void check_need(const OpenStep& step, std::size_t there, Transcript& read) {
  const bool head_only = there < kRecordHeadBytes;
  const bool kept =
      head_only ? step.need == kRecordHeadBytes : step.need > there && step.need <= kMaxRecordBytes;
  if (!kept || step.consumed != 0 || !step.data.empty()) read.broken_rule = "need";
}

void note(const OpenStep& step, std::size_t there, Transcript& read) {
  read.statuses.push_back(step.status);
  read.data.append(as_text(step.data));
  if (step.status == OpenStatus::kAlert) read.alert = step.alert;
  if ((step.status == OpenStatus::kData) == step.data.empty()) read.broken_rule = "data";
  if (step.data.size() > kMaxTextBytes) read.broken_rule = "data above the bound";
  if (step.consumed > there) read.broken_rule = "consumed";
  if (!is_failure(step.status) && step.consumed == 0) read.broken_rule = "nothing consumed";
  if (is_failure(step.status) != alert_of(step.status).has_value()) read.broken_rule = "alert";
}

}  // namespace

Transcript read_records(Records& records, Cipher& cipher, const Bytes& stream,
                        const std::function<std::size_t()>& next_chunk) {
  Transcript read;
  Bytes waiting;
  std::size_t taken = 0;
  while (taken < stream.size() && !is_end(read.end())) {
    const std::size_t chunk =
        std::min(stream.size() - taken, std::max<std::size_t>(next_chunk(), 1));
    const auto* const from = stream.data() + taken;
    waiting.insert(waiting.end(), from, from + chunk);
    taken += chunk;
    std::size_t used = 0;
    while (used < waiting.size() && !is_end(read.end())) {
      const MutableBytes input = MutableBytes(waiting).subspan(used);
      const OpenStep step = records.open(cipher, input);
      if (step.status == OpenStatus::kNeedMore) {
        check_need(step, input.size(), read);
        break;
      }
      note(step, input.size(), read);
      used += step.consumed;
    }
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(used));
  }
  return read;
}

}  // namespace ringgate::tls
