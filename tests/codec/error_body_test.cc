#include "codec/error_body.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/pkt.pb.h"
#include "tests/codec/hex.h"

namespace ringgate {
namespace {

std::string serialized(std::string_view text) {
  pkt::ErrorResp error;
  error.set_message(text.data(), text.size());
  return error.SerializeAsString();
}

TEST(ErrorBody, IsWhatProtobufWrites) {
  EXPECT_EQ(ErrorBody("no").bytes().size(), 4U);
  for (std::size_t bytes = 0; bytes <= kMaxErrorTextBytes; ++bytes) {
    const std::string text(bytes, 'x');
    const ErrorBody body(text);
    EXPECT_EQ(as_text(body.bytes()), serialized(text));
    EXPECT_EQ(error_text(body.bytes()), text);
  }
}

TEST(ErrorBody, OfALongTextHasItsBeginning) {
  const std::string text = std::string(kMaxErrorTextBytes, 'x') + "and more";
  const ErrorBody body(text);
  EXPECT_EQ(error_text(body.bytes()), std::string(kMaxErrorTextBytes, 'x'));
  EXPECT_EQ(as_text(body.bytes()), serialized(std::string(kMaxErrorTextBytes, 'x')));
}

TEST(ErrorBody, OfAnotherMakeIsReadAsFarAsItIsOne) {
  EXPECT_EQ(error_text({}), "");
  EXPECT_EQ(error_text(hex("0a")), "");
  EXPECT_EQ(error_text(hex("1202 6869")), "");         // another field
  EXPECT_EQ(error_text(hex("0a05 6869")), "hi");       // cut off
  EXPECT_EQ(error_text(hex("0a02 6869 1801")), "hi");  // with a field that we do not know
  EXPECT_EQ(error_text(as_bytes(serialized(std::string(128, 'x')))), "");
}

}  // namespace
}  // namespace ringgate
