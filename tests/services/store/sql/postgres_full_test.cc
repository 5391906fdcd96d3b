// A PostgreSQL whose disk is full (53100): a real one.
#include <random>

#include "tests/services/store/sql/full_postgres.h"
#include "tests/services/store/sql/stores.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class FullPostgresTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.client.timeout_ms = 20'000;
    options_.reconnect_max_ms = 200;
    options_.probe_ms = 100;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, FullPostgresTest, testing::Values(StoreKind::kPostgres),
                         name_of_kind);

// What compresses to nothing would find room for long.
std::string much(std::size_t bytes) {
  static std::minstd_rand random{7};  // NOLINT: the same in each run
  std::string text;
  while (text.size() < bytes) text.push_back(static_cast<char>('!' + random() % 90));
  return text;
}

TEST_P(FullPostgresTest, AFullDiskIsSaidAndIsOverByItself) {
  FullPostgres full;
  if (!full.is_there()) GTEST_SKIP() << "mounting is not allowed";
  options_.url = full.url();
  open();
  const std::int64_t before = talk("alice", "bob", now_ns_);
  full.fill(0);
  StoreResult<TalkToUser::Answer> refused;
  ASSERT_TRUE(eventually([&] {
    refused = world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_, much(9000))});
    return !refused.has_value();
  }));
  EXPECT_EQ(refused.error(), StoreError::kUnavailable);
  EXPECT_THAT(world_->problem_with("is full"),
              AllOf(HasSubstr("the message store postgresql 127.0.0.1:"),
                    HasSubstr("No space left on device"), Not(HasSubstr("\n"))));
  full.empty();
  EXPECT_TRUE(world_->is_well()) << "nobody asked it to";
  EXPECT_EQ(world_->health().problem(), std::nullopt);
  EXPECT_EQ(index("bob", -1).front(), before);
  const std::int64_t after = talk("alice", "carol", now_ns_);
  EXPECT_THAT(index("carol", -1), ElementsAre(after));
}

}  // namespace
}  // namespace ringgate::test
