#include "dataplane/completion_result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <climits>

namespace ringgate {
namespace {

TEST(CompletionResult, ThatIsNoErrorIsDone) {
  EXPECT_EQ(meaning_of(0), ResultMeaning::kDone);
  EXPECT_EQ(meaning_of(1), ResultMeaning::kDone);
  EXPECT_EQ(meaning_of(INT_MAX), ResultMeaning::kDone);
}

TEST(CompletionResult, MeansWhatItsErrnoSays) {
  EXPECT_EQ(meaning_of(-ECANCELED), ResultMeaning::kCancelled);
  EXPECT_EQ(meaning_of(-ENOBUFS), ResultMeaning::kNoBuffers);
  for (const int error : {EAGAIN, EWOULDBLOCK, EINTR}) {
    EXPECT_EQ(meaning_of(-error), ResultMeaning::kAgain) << error;
  }
  for (const int error : {EMFILE, ENFILE}) {
    EXPECT_EQ(meaning_of(-error), ResultMeaning::kNoFiles) << error;
  }
  EXPECT_EQ(meaning_of(-ENOMEM), ResultMeaning::kNoMemory);
  for (const int error : {ECONNRESET, ENOTCONN, EPIPE, EHOSTUNREACH, ENETUNREACH}) {
    EXPECT_EQ(meaning_of(-error), ResultMeaning::kPeerGone) << error;
  }
  EXPECT_EQ(meaning_of(-ETIMEDOUT), ResultMeaning::kTimedOut);
}

TEST(CompletionResult, OfWhichNothingIsKnownIsAFailure) {
  for (const int error : {EPERM, EBADF, EINVAL, EFAULT, ECONNABORTED, ECONNREFUSED, 4095}) {
    EXPECT_EQ(meaning_of(-error), ResultMeaning::kFailed) << error;
  }
  EXPECT_EQ(meaning_of(INT_MIN + 1), ResultMeaning::kFailed);
}

}  // namespace
}  // namespace ringgate
