// Selectors on their way to the shards and back, inside catalogues.
#include <algorithm>

#include "control/routing/selector_set.h"
#include "tests/control/links/fixture.h"

namespace ringgate {
namespace {

using test::Links;

std::shared_ptr<const SelectorSet> rendezvous() {
  return std::make_shared<const SelectorSet>(Selectors{SelectorKind::kRendezvous, {}}, nullptr);
}

void use(Links& links, std::shared_ptr<const SelectorSet> selectors) {
  links.thread.call([&] { links.manager->use_selectors(std::move(selectors)); });
}

// The fixture's copies of what was published hold on to selectors too.
bool gone(Links& links, const std::weak_ptr<const SelectorSet>& selectors) {
  return links.thread.call([&] {
    for (auto& of_shard : links.published) of_shard.clear();
    return selectors.expired();
  });
}

bool eventually_gone(Links& links, const std::weak_ptr<const SelectorSet>& selectors) {
  return links.eventually([&] {
    for (auto& of_shard : links.published) of_shard.clear();
    return selectors.expired();
  });
}

TEST(LinkManagerSelectors, EveryShardGetsThemWithTheNextCatalogue) {
  Links links;
  const auto selectors = rendezvous();
  use(links, selectors);
  links.update("chat", {});
  links.thread.call([&] {
    for (const auto& of_shard : links.published) {
      ASSERT_EQ(of_shard.size(), 2u);
      EXPECT_EQ(of_shard[0].selectors, selectors);
      EXPECT_EQ(of_shard[1].selectors, selectors) << "later ones have them too";
      EXPECT_GT(of_shard[1].version, of_shard[0].version);
    }
  });
}

TEST(LinkManagerSelectors, TheOldOnesLiveUntilEveryShardHasTakenTheNew) {
  Links links;
  auto old = rendezvous();
  const std::weak_ptr<const SelectorSet> watched = old;
  use(links, std::exchange(old, nullptr));
  // Shard 1 keeps the old ones: it goes on with the catalogue that it has.
  EXPECT_TRUE(links.eventually([&] { return links.recorder(1).looks > 0; }));
  links.recorder(1).acknowledges = false;
  use(links, rendezvous());
  const std::uint64_t looks = links.recorder(1).looks;
  EXPECT_TRUE(links.eventually([&] { return links.recorder(1).looks > looks + 3; }));
  EXPECT_FALSE(gone(links, watched));
  EXPECT_FALSE(links.recorder(1).spoiled);
  links.recorder(1).acknowledges = true;
  use(links, rendezvous());
  EXPECT_TRUE(eventually_gone(links, watched));
}

}  // namespace
}  // namespace ringgate
