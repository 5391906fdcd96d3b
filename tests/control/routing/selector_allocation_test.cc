// Replaces operator new: selecting takes nothing from the heap, whatever the selector.
#include <gtest/gtest.h>

#include "control/routing/selector_set.h"
#include "tests/common/counted_new.h"
#include "tests/control/routing/candidates.h"

namespace ringgate {
namespace {

TEST(SelectorAllocation, SelectingTakesNothingFromTheHeap) {
  auto table = ZoneTable::make(RouteBy::kAccount, {{"z", 80}, {"y", 20}}, {{"vip", "y"}});
  ASSERT_TRUE(table);
  const auto shared = std::make_shared<const ZoneTable>(std::move(*table));
  const test::TestServices services(10);
  const std::string account(128, 'a');
  std::size_t sum = 0;
  for (const SelectorKind kind :
       {SelectorKind::kHash, SelectorKind::kRoute, SelectorKind::kRendezvous}) {
    const SelectorSet set(Selectors{kind, {}}, shared);
    const std::size_t at_start = test::allocations();
    const auto group = set.of("chat").prepare(services.candidates());
    EXPECT_GT(test::allocations(), at_start) << "preparing allocates: this test does not count";
    const std::size_t before = test::allocations();
    for (std::uint32_t crc = 0; crc < 10'000; ++crc) {
      sum +=
          group->select({crc, account, crc % 2 == 0 ? "vip" : "an app of sixty-four bytes"}).index;
    }
    EXPECT_EQ(test::allocations(), before) << selector_name(kind);
  }
  EXPECT_GT(sum, 0u);
}

}  // namespace
}  // namespace ringgate
