#include <gtest/gtest.h>

#include <thread>

#include "dataplane/check.h"

namespace ringgate {
namespace {

TEST(OwnThreadTest, IsWhereItWasBound) {
  OwnThread own;
  const auto elsewhere = [&own] {
    bool here = false;
    std::thread([&] { here = own.is_here(); }).join();
    return here;
  };
  EXPECT_TRUE(own.is_here());
  EXPECT_TRUE(elsewhere()) << "nobody's yet";
  own.bind();
  EXPECT_TRUE(own.is_here());
  EXPECT_FALSE(elsewhere());
  own.release();
  EXPECT_TRUE(elsewhere());
}

}  // namespace
}  // namespace ringgate
