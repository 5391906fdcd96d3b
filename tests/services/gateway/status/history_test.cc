// What a gateway remembers of its last seconds.
#include "services/gateway/status/history.h"

#include <gmock/gmock.h>

#include "control/base/json_writer.h"

namespace ringgate {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMost = 100;

struct Seconds {
  StatusHistory history{kMost};
  StatusTotals totals{};
  StatusHistory::Instances instances{};
  int second = 100;

  void pass() {
    ++second;
    history.add(totals, instances, StatusHistory::Time{std::chrono::seconds(second)},
                std::int64_t{second} * 1000);
  }
  [[nodiscard]] std::string json(std::uint64_t since = 0) const {
    JsonWriter writer;
    writer.object("", [&] {
      history.write(writer, since, [](CloseReason reason) {
        return reason == CloseReason::kIdleTimeout ? "idle" : "other";
      });
    });
    return writer.take();
  }
};

TEST(StatusHistory, CountersBecomeRatesAndGaugesStay) {
  Seconds it;
  it.totals.logins = 1000;  // before anybody looked
  it.pass();
  EXPECT_THAT(it.json(), HasSubstr(R"("samples": [])"));
  it.totals.clients = 7;
  it.totals.logins += 5;
  it.totals.errors = 2;
  it.pass();
  EXPECT_THAT(it.json(), HasSubstr(R"("next": 1)"));
  EXPECT_THAT(it.json(), HasSubstr("[[102000, 7, 0, 5.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]]"));
}

TEST(StatusHistory, IsBoundedAndTellsWhatIsNew) {
  Seconds it;
  for (std::size_t i = 0; i <= 3 * kMost; ++i) it.pass();
  const std::string all = it.json();
  EXPECT_THAT(all, HasSubstr(R"("next": 300)"));
  EXPECT_EQ(std::ranges::count(all, '['), 1 + 1 + 1 + static_cast<std::ptrdiff_t>(kMost))
      << "fields, samples, each of them, closes";
  const std::string newest = it.json(299);
  EXPECT_THAT(newest, HasSubstr("[[401000, "));
  EXPECT_THAT(newest, Not(HasSubstr("[400000, ")));
  EXPECT_THAT(it.json(300), HasSubstr(R"("samples": [])"));
  EXPECT_EQ(it.json(5), all) << "what is forgotten is not told";
  EXPECT_EQ(it.json(1'000'000), all) << "an earlier process has said that";
}

TEST(StatusHistory, ClosesAreOfTheLastMinuteAndOfAllThatIsKept) {
  Seconds it;
  it.pass();
  const CloseReason idle = CloseReason::kIdleTimeout;
  const CloseReason reset = CloseReason::kPeerReset;
  it.totals.closed[reset.index()] = 3;
  it.pass();
  for (int i = 0; i < 70; ++i) it.pass();
  it.totals.closed[reset.index()] += 1;
  it.totals.closed[idle.index()] += 1;
  it.pass();
  EXPECT_THAT(it.json(), HasSubstr(R"({"reason": "other", "lastMinute": 1, "all": 4}, )"
                                   R"({"reason": "idle", "lastMinute": 1, "all": 1})"));
}

TEST(StatusHistory, AnInstanceHasTheRatesOfTenSeconds) {
  Seconds it;
  EXPECT_LT(it.history.rates_of(1).answer_ms, 0);
  it.instances[1] = {.forwarded = 100, .answered = 100, .took_us = 5'000'000};
  it.pass();
  for (int i = 0; i < 20; ++i) {
    InstanceTotals& one = it.instances[1];
    one.forwarded += 10;
    one.answered += 8;
    one.unanswered += 1;
    one.failed += 1;
    one.took_us += 8 * 2500;
    it.pass();
  }
  const InstanceRates rates = it.history.rates_of(1);
  EXPECT_DOUBLE_EQ(rates.forwarded, 10);
  EXPECT_DOUBLE_EQ(rates.failed, 2);
  EXPECT_DOUBLE_EQ(rates.answer_ms, 2.5);
  it.instances.clear();
  it.pass();
  EXPECT_DOUBLE_EQ(it.history.rates_of(1).forwarded, 0);
}

}  // namespace
}  // namespace ringgate
