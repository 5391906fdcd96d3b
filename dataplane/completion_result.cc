#include "dataplane/completion_result.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace ringgate {
namespace {

struct Row {
  int error;
  ResultMeaning meaning;
};

constexpr auto kRows = std::to_array<Row>({
    {ECANCELED, ResultMeaning::kCancelled},
    {EAGAIN, ResultMeaning::kAgain},
    {EINTR, ResultMeaning::kAgain},
    {ENOBUFS, ResultMeaning::kNoBuffers},
    {EMFILE, ResultMeaning::kNoFiles},
    {ENFILE, ResultMeaning::kNoFiles},
    {ENOMEM, ResultMeaning::kNoMemory},
    {ECONNRESET, ResultMeaning::kPeerGone},
    {ENOTCONN, ResultMeaning::kPeerGone},  // a reset that somebody has been told of
    {EPIPE, ResultMeaning::kPeerGone},
    {ETIMEDOUT, ResultMeaning::kTimedOut},
    {EHOSTUNREACH, ResultMeaning::kPeerGone},
    {ENETUNREACH, ResultMeaning::kPeerGone},
});

}  // namespace

ResultMeaning meaning_of_error(std::int32_t result) noexcept {
  const auto* const row = std::ranges::find(kRows, -result, &Row::error);
  return row == kRows.end() ? ResultMeaning::kFailed : row->meaning;
}

}  // namespace ringgate
