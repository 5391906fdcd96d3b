#include "control/observe/log_line.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include "control/observe/line_writer.h"
#include "control/observe/log_event.h"
#include "control/observe/log_limits.h"

namespace ringgate {
namespace {

spdlog::details::log_msg message_of(const std::string& text) {
  return {spdlog::source_loc{}, "gw01", spdlog::level::warn, text};
}

TEST(LogLine, HasTheFieldsOfItsEvent) {
  const LogField fields[] = {{"account", "al\"ice\n"}, {"bytes", 17U}, {"good", true}};
  const LogEventLine event{LogEvent::kForwarded, fields};
  const std::string line = json_line(message_of("a text"), &event, 16 * 1024);
  EXPECT_TRUE(line.ends_with("}\n")) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  for (const char* part : {R"("level": "warn")", R"("service_id": "gw01")",
                           R"("event": "forwarded")", R"("message": "a text")",
                           R"("account": "al\"ice\u000a")", R"("bytes": 17)", R"("good": true)"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
  EXPECT_NE(json_line(message_of("x"), nullptr, 16 * 1024).find(R"("event": "message")"),
            std::string::npos);
}

// A cut object would be no object: its texts are cut instead, whatever their escapes take.
TEST(LogLine, OfAnyLengthIsWholeAndBounded) {
  const std::string worst(100'000, '\x01');
  const std::string text = worst.substr(0, 50'000);
  const LogField fields[] = {{"a", worst}, {"b", worst}, {"c", worst}, {"d", worst},
                             {"e", worst}, {"f", worst}, {"g", worst}, {"h", worst}};
  const LogEventLine event{LogEvent::kClosed, fields};
  const std::string line = json_line(message_of(text), &event, LineWriter::kMaxLineBytes);
  EXPECT_LE(line.size(), LineWriter::kMaxLineBytes);
  EXPECT_TRUE(line.ends_with("\"cut\": true}\n")) << line.substr(line.size() - 40);
}

TEST(LogEvents, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const LogEventName& event : log_events()) {
    EXPECT_TRUE(names.insert(event.name).second) << event.name;
    EXPECT_FALSE(event.meaning.empty()) << event.name;
  }
}

TEST(LogLimits, SoManyASecondAndTheRestIsCounted) {
  LogLimits limits;
  limits.set_per_second(2);
  LogLimits::Time now{std::chrono::seconds(100)};
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += limits.take(LogEvent::kClosed, now) ? 1 : 0;
  EXPECT_EQ(taken, 2);
  EXPECT_TRUE(limits.take(LogEvent::kLoginRefused, now)) << "each event has its own";
  EXPECT_EQ(limits.left_out(LogEvent::kClosed), 8U);
  now += std::chrono::seconds(1);
  EXPECT_TRUE(limits.take(LogEvent::kClosed, now));
  limits.left_out(LogEvent::kClosed, 5, now);
  EXPECT_EQ(limits.left_out(LogEvent::kClosed), 13U);
}

TEST(LogLimits, WhatNobodyWouldReadIsNeitherToldNorCounted) {
  LogLimits limits;
  EXPECT_FALSE(limits.take(LogEvent::kAccepted, LogLimits::Time{std::chrono::seconds(1)}))
      << "it is of debug";
  EXPECT_EQ(limits.left_out(LogEvent::kAccepted), 0U);
}

}  // namespace
}  // namespace ringgate
