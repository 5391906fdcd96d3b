#include "codec/retry_hint.h"

#include <gtest/gtest.h>

#include <string>

namespace ringgate {
namespace {

std::string written(const RetryHint& hint) {
  RetryHintText text;
  return std::string(write_retry_hint(text, hint));
}

TEST(RetryHint, IsReadAsItWasWritten) {
  for (const RetryHint& hint :
       {RetryHint{0, ""}, RetryHint{2500, "10.0.0.8:8001"},
        RetryHint{UINT32_MAX, "[2001:db8::1]:8001"}, RetryHint{1, std::string_view("h:1")}}) {
    const std::string reason = "draining" + written(hint);
    const std::optional<RetryHint> read = parse_retry_hint(reason);
    ASSERT_TRUE(read) << reason;
    EXPECT_EQ(read->in_ms, hint.in_ms);
    EXPECT_EQ(read->at, hint.at);
  }
  EXPECT_EQ(written({2500, "gateway2:8001"}), "; retry_in_ms=2500; at=gateway2:8001");
}

TEST(RetryHint, TheLongestFitsAndAnAddressThatDoesNotIsLeftOut) {
  const std::string longest(kMaxRetryAtBytes, 'a');
  EXPECT_EQ(written({UINT32_MAX, longest}).size(), kMaxRetryHintBytes);
  EXPECT_EQ(written({7, longest + "b"}), "; retry_in_ms=7");
}

TEST(RetryHint, AReasonWithoutOneHasNone) {
  for (const char* const reason :
       {"", "draining", "retry_in_ms=1", "draining; retry_in_ms=", "draining; retry_in_ms=x",
        "draining; retry_in_ms=1x", "draining; retry_in_ms=-1", "draining; retry_in_ms=4294967296",
        "draining; at=10.0.0.8:8001", "draining;retry_in_ms=1"}) {
    EXPECT_FALSE(parse_retry_hint(reason)) << reason;
  }
}

TEST(RetryHint, WhatIsNotKnownIsPassedOver) {
  const std::optional<RetryHint> hint =
      parse_retry_hint("1001 draining; colour=red; at=b:2; ; retry_in_ms=30; x");
  ASSERT_TRUE(hint);
  EXPECT_EQ(hint->in_ms, 30u);
  EXPECT_EQ(hint->at, "b:2");
}

}  // namespace
}  // namespace ringgate
