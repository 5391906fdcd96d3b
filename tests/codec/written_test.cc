#include "codec/written.h"

#include <gtest/gtest.h>

#include <array>

namespace ringgate {
namespace {

TEST(Written, IsTheEnd) {
  std::array<std::uint8_t, 4> bytes{};
  EXPECT_EQ(written(bytes.data(), 3, bytes.data() + 3), bytes.data() + 3);
}

// In every build: what is behind the promised bytes is somebody else's.
TEST(WrittenDeathTest, MoreOrLessThanPromisedEndsTheProcess) {
  std::array<std::uint8_t, 4> bytes{};
  EXPECT_DEATH(static_cast<void>(written(bytes.data(), 3, bytes.data() + 4)), "bug");
  EXPECT_DEATH(static_cast<void>(written(bytes.data(), 3, bytes.data() + 2)), "bug");
}

}  // namespace
}  // namespace ringgate
