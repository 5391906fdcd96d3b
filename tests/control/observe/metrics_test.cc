#include "control/observe/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace ringgate {
namespace {

TEST(Metrics, SerializesAsPrometheusText) {
  MetricsSnapshot snapshot;
  snapshot.counter("kim_message_in_total", "Messages", {{"command", "chat.user.talk"}}, 3)
      .gauge("kim_channel_total", "Channels", {{"serviceId", "g1"}}, 7)
      .counter("kim_message_in_total", "Messages", {{"command", "other"}}, 2);
  const std::string text = prometheus::TextSerializer().Serialize(snapshot.take());
  EXPECT_EQ(text,
            "# HELP kim_message_in_total Messages\n"
            "# TYPE kim_message_in_total counter\n"
            "kim_message_in_total{command=\"chat.user.talk\"} 3\n"
            "kim_message_in_total{command=\"other\"} 2\n"
            "# HELP kim_channel_total Channels\n"
            "# TYPE kim_channel_total gauge\n"
            "kim_channel_total{serviceId=\"g1\"} 7\n");
}

TEST(Metrics, EqualLabelsAddUp) {
  MetricsSnapshot snapshot;
  snapshot.counter("c", "h", {{"shard", "0"}}, 1).counter("c", "h", {{"shard", "0"}}, 2);
  snapshot.gauge("g", "h", {}, 1).gauge("g", "h", {}, 2);
  const auto families = snapshot.take();
  ASSERT_EQ(families.size(), 2U);
  ASSERT_EQ(families[0].metric.size(), 1U);
  EXPECT_DOUBLE_EQ(families[0].metric[0].counter.value, 3);
  ASSERT_EQ(families[1].metric.size(), 1U);
  EXPECT_DOUBLE_EQ(families[1].metric[0].gauge.value, 3);
  EXPECT_TRUE(snapshot.take().empty());
}

// A series of each of many instances, gone through at every scrape, twice: by a search of all
// before it that were a minute.
TEST(Metrics, ManySeriesAreFoundAtOnce) {
  constexpr std::size_t kSeries = 100'000;
  MetricsSnapshot snapshot;
  for (int twice = 0; twice < 2; ++twice) {
    for (std::size_t i = 0; i < kSeries; ++i) {
      snapshot.counter("c", "h", {{"id", std::to_string(i)}, {"shard", "0"}}, 1);
    }
  }
  snapshot.counter("c", "h", {{"id", "0"}, {"shard", "1"}}, 5);
  const auto families = snapshot.take();
  ASSERT_EQ(families.size(), 1U);
  ASSERT_EQ(families[0].metric.size(), kSeries + 1);
  EXPECT_DOUBLE_EQ(families[0].metric[kSeries - 1].counter.value, 2);
  EXPECT_DOUBLE_EQ(families[0].metric[kSeries].counter.value, 5);
}

}  // namespace
}  // namespace ringgate
