#include "codec/proto_log.h"

#include <gtest/gtest.h>

#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

// On a shard's thread a blocking write to stderr would hold up everybody.
TEST(ProtoLog, WhatTheLibraryWantsToLogIsCountedAndNotWritten) {
  const std::uint64_t before = protobuf_complaints();
  const std::string not_utf8 = {'\x0a', '\x02', '\xc3', '\x28'};  // field 1, two bytes
  testing::internal::CaptureStderr();
  pkt::LoginReq request;
  EXPECT_FALSE(request.ParseFromString(not_utf8));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(protobuf_complaints(), before + 1);
}

}  // namespace
}  // namespace ringgate
