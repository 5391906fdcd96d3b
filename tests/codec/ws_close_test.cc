#include "codec/ws_close.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "tests/codec/hex.h"

namespace ringgate {
namespace {

Bytes close_payload(unsigned code, std::string_view reason) {
  Bytes payload(2 + reason.size());
  store_be(payload.data(), static_cast<std::uint16_t>(code));
  std::ranges::copy(reason, payload.begin() + 2);
  return payload;
}

Bytes written(WsCloseCode code, std::string_view reason) {
  std::array<std::uint8_t, kMaxWsCloseFrameBytes> frame;
  std::uint8_t* const end = write_ws_close_frame(frame.data(), code, reason);
  return {frame.data(), end};
}

TEST(WsClose, EveryCode) {
  for (unsigned code = 0; code <= 0xffff; ++code) {
    const bool valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                       (code >= 3000 && code <= 4999);
    const Bytes payload = close_payload(code, "bye");
    const WsClose close = parse_close(payload);
    EXPECT_EQ(close.status, valid ? WsCloseStatus::kOk : WsCloseStatus::kBadCode) << code;
    EXPECT_EQ(static_cast<unsigned>(close.code), valid ? code : 1002U) << code;
    EXPECT_EQ(close.reason, valid ? "bye" : "") << code;
  }
}

TEST(WsClose, EmptyIsNoStatusAndOneByteIsAnError) {
  EXPECT_EQ(parse_close({}).status, WsCloseStatus::kOk);
  EXPECT_EQ(parse_close({}).code, WsCloseCode::kNoStatus);
  EXPECT_EQ(parse_close(hex("03")).status, WsCloseStatus::kBadLength);
  EXPECT_EQ(parse_close(hex("03")).code, WsCloseCode::kProtocolError);
}

TEST(WsClose, ReasonsAreUtf8) {
  EXPECT_EQ(parse_close(close_payload(1000, "gr\xc3\xbc\xc3\x9f")).status, WsCloseStatus::kOk);
  const WsClose close = parse_close(close_payload(1000, "gr\xc3"));
  EXPECT_EQ(close.status, WsCloseStatus::kBadReason);
  EXPECT_EQ(close.code, WsCloseCode::kInvalidPayload);
}

TEST(WsClose, FramesAreWritten) {
  EXPECT_EQ(written(WsCloseCode::kGoingAway, ""), hex("88 02 03e9"));
  EXPECT_EQ(written(WsCloseCode::kNormal, "bye"), hex("88 05 03e8 627965"));
  EXPECT_EQ(written(WsCloseCode{4999}, ""), hex("88 02 1387"));
}

TEST(WsClose, WhatMayNotBeOnTheWireIsNotWritten) {
  EXPECT_EQ(written(WsCloseCode::kNoStatus, "why"), hex("88 00"));
  EXPECT_EQ(written(WsCloseCode::kAbnormal, "why"), hex("88 00"));
  EXPECT_EQ(written(WsCloseCode::kTlsHandshake, "why"), hex("88 00"));
  EXPECT_EQ(written(WsCloseCode::kNormal, "\xff"), hex("88 02 03e8"));
}

TEST(WsClose, LongReasonsEndWithAWholeCharacter) {
  for (const std::string_view character : {"a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    for (std::size_t before = 0; before < 5; ++before) {
      std::string reason(before, '.');
      while (reason.size() < 300) reason += character;
      const Bytes frame = written(WsCloseCode::kNormal, reason);
      const WsClose close = parse_close(ByteView(frame).subspan(2));
      ASSERT_EQ(close.status, WsCloseStatus::kOk);
      EXPECT_TRUE(reason.starts_with(close.reason));
      EXPECT_LE(close.reason.size(), kMaxWsCloseReasonBytes);
      EXPECT_GT(close.reason.size() + character.size(), kMaxWsCloseReasonBytes);
    }
  }
}

}  // namespace
}  // namespace ringgate
