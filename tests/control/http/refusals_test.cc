#include "control/http/refusals.h"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>

namespace ringgate {
namespace {

using std::chrono_literals::operator""s;

TEST(Refusals, AreOneLineUntilTheyHaveStopped) {
  std::ostringstream log;
  const auto before = spdlog::default_logger();
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
  logger->set_pattern("%l %v");
  spdlog::set_default_logger(std::move(logger));
  const auto lines = [&] {
    const std::string text = log.str();
    return std::ranges::count(text, '\n');
  };

  http::Refusals refusals;
  const http::Refusals::Time start = std::chrono::steady_clock::now();
  refusals.update(0, "too long", start);
  EXPECT_EQ(lines(), 0);
  for (unsigned i = 1; i <= 100; ++i) refusals.update(i, "too long", start + i * 1s);
  EXPECT_EQ(log.str(), "warning too long\n");
  refusals.update(100, "too long", start + 100s + http::Refusals::kQuiet - 1s);
  EXPECT_EQ(lines(), 1);
  refusals.update(100, "too long", start + 100s + http::Refusals::kQuiet);
  EXPECT_EQ(lines(), 2) << log.str();
  refusals.update(101, "too long", start + 300s);
  EXPECT_EQ(lines(), 3) << log.str();
  spdlog::set_default_logger(before);
}

}  // namespace
}  // namespace ringgate
