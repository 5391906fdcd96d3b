#include "codec/varint.h"

#include <google/protobuf/io/coded_stream.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

namespace ringgate {
namespace {

using google::protobuf::io::CodedOutputStream;
using Bytes = std::vector<std::uint8_t>;

class Varint : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Varint, IsWhatProtobufWrites) {
  std::array<std::uint8_t, 10> expected;
  std::uint8_t* const expected_end =
      CodedOutputStream::WriteVarint64ToArray(GetParam(), expected.data());
  std::array<std::uint8_t, 10> written;
  std::uint8_t* const end = write_varint(written.data(), GetParam());
  EXPECT_EQ(Bytes(written.data(), end), Bytes(expected.data(), expected_end));
  EXPECT_EQ(varint_bytes(GetParam()), CodedOutputStream::VarintSize64(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(AroundEachLength, Varint,
                         testing::Values(0, 1, 0x7f, 0x80, 0x81, 0x3fff, 0x4000, 0x1f'ffff,
                                         0x20'0000, 0xfff'ffff, 0x1000'0000, 0xffff'ffff,
                                         0x7'ffff'ffff, 0x8'0000'0000,
                                         std::numeric_limits<std::uint64_t>::max()));

}  // namespace
}  // namespace ringgate
