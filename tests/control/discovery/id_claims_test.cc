#include "control/discovery/id_claims.h"

#include <gtest/gtest.h>

#include "control/discovery/file.h"
#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

Instance service(const std::string& id, const std::string& name, std::uint16_t port) {
  return {id, name, "127.0.0.1", port, "tcp", "", {}, {}};
}

TEST(IdClaims, AnIdIsOneRegistrysWhileItLives) {
  const test::TempDir dir;
  const std::filesystem::path file = dir.path() / "services.json";
  const auto open = [&] { return FileRegistry::open(file, nullptr).value(); };
  auto first = open();
  Instance ours = service("a", "chat", 8101);
  ours.meta["started"] = "1000";
  ASSERT_TRUE(first->claim(ours, false));
  ASSERT_TRUE(first->claim(ours, false)) << "it is ours";
  auto second = open();
  EXPECT_TRUE(second->claim(service("b", "chat", 1), false));
  const auto early = second->claim(ours, false);
  ASSERT_FALSE(early);
  EXPECT_NE(early.error().message.find("starting or ending"), std::string::npos);
  ASSERT_TRUE(first->register_service(ours));
  const auto refused = second->claim(service("a", "gateway", 1), false);
  ASSERT_FALSE(refused);
  for (const char* const said : {"127.0.0.1:8101", "since 1970-01-01 00:00:01 UTC", "ServiceID"}) {
    EXPECT_NE(refused.error().message.find(said), std::string::npos) << refused.error().message;
  }
  // A link to the file is the file.
  std::filesystem::create_symlink(file, dir.path() / "link.json");
  auto third = FileRegistry::open(dir.path() / "link.json", nullptr).value();
  EXPECT_FALSE(third->claim(ours, false));
  // Who takes over has the id when the other one has ended.
  EXPECT_TRUE(second->claim(ours, true));
  first.reset();
  second->on_ready();
  EXPECT_FALSE(third->claim(ours, false));
  second.reset();
  EXPECT_TRUE(third->claim(ours, false));
}

}  // namespace
}  // namespace ringgate
