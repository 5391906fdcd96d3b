#include "control/observe/logging.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace ringgate {
namespace {

TEST(Logging, WritesToStderrByLevel) {
  testing::internal::CaptureStderr();
  ASSERT_TRUE(start_logging("gw01", {.level = LogLevel::kInfo}));
  spdlog::debug("not yet");
  spdlog::info("first line");
  set_log_level(LogLevel::kDebug);
  spdlog::debug("second line");
  set_log_level(LogLevel::kOff);
  spdlog::critical("too late");
  stop_logging();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("not yet"), std::string::npos) << text;
  EXPECT_NE(text.find("[gw01] first line"), std::string::npos) << text;
  EXPECT_NE(text.find("[gw01] second line"), std::string::npos) << text;
  EXPECT_EQ(text.find("too late"), std::string::npos) << text;
}

}  // namespace
}  // namespace ringgate
