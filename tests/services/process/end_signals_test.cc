#include "services/process/end_signals.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

using std::chrono_literals::operator""ms;

TEST(EndSignals, WithinASecondOfTheFirstIsTheSame) {
  const EndSignals::Time start{std::chrono::hours(1)};
  EndSignals signals;
  EXPECT_EQ(signals.take(start), EndSignal::kFirst);
  EXPECT_EQ(signals.take(start), EndSignal::kSame);
  EXPECT_EQ(signals.take(start + 999ms), EndSignal::kSame);
  EXPECT_EQ(signals.take(start + 1000ms), EndSignal::kSecond) << "of the first, not of the last";
}

}  // namespace
}  // namespace ringgate
