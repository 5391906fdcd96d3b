#include "benchmarks/ringbench/service_channels.h"

#include <gmock/gmock.h>

#include <vector>

namespace ringgate::bench {
namespace {

using ::testing::ElementsAre;

constexpr LinkId kFirst{0, 0};
constexpr LinkId kSecond{1, 0};

std::vector<std::string> ids(const ServiceChannels& channels) {
  std::vector<std::string> all;
  channels.for_each([&](const PlayedChannel& channel) { all.push_back(channel.id); });
  return all;
}

TEST(ServiceChannels, AreInTheOrderOfTheirLogins) {
  ServiceChannels channels;
  for (const char* id : {"c", "a", "b"}) channels.add({id, std::string("of ") + id, "g1", kFirst});
  EXPECT_THAT(ids(channels), ElementsAre("c", "a", "b"));
  channels.remove("a");
  EXPECT_THAT(ids(channels), ElementsAre("c", "b"));
  channels.add({"c", "of c", "g1", kFirst});
  EXPECT_THAT(ids(channels), ElementsAre("b", "c")) << "logged in again";
  EXPECT_EQ(channels.of_account("of a"), nullptr);
}

TEST(ServiceChannels, AnAccountIsItsNewestChannel) {
  ServiceChannels channels;
  channels.add({"old", "alice", "g1", kFirst});
  channels.add({"new", "alice", "g1", kSecond});
  EXPECT_EQ(channels.of_account("alice")->id, "new");
  channels.remove("old");
  EXPECT_EQ(channels.of_account("alice")->id, "new") << "the sign-out of the older one comes late";
  channels.remove("new");
  EXPECT_EQ(channels.of_account("alice"), nullptr);
}

TEST(ServiceChannels, GoOnOverAnotherLinkOfTheirGateway) {
  ServiceChannels channels;
  channels.add({"one", "alice", "g1", kFirst});
  channels.add({"two", "bob", "g2", kSecond});
  channels.on_link_down(kFirst, std::nullopt);
  EXPECT_EQ(channels.of_account("alice")->link, std::nullopt);
  EXPECT_EQ(channels.of_account("bob")->link, kSecond);
  constexpr LinkId kRedialled{0, 1};
  channels.on_link_up(kRedialled, "g1");
  EXPECT_EQ(channels.of_account("alice")->link, kRedialled);
  channels.on_link_down(kRedialled, kSecond);
  EXPECT_EQ(channels.of_account("alice")->link, kSecond);
}

TEST(ServiceChannels, TellEveryChangeByTheirVersion) {
  ServiceChannels channels;
  std::uint64_t version = channels.version();
  const auto changed = [&] { return std::exchange(version, channels.version()) != version; };
  channels.add({"one", "alice", "g1", kFirst});
  EXPECT_TRUE(changed());
  channels.remove("another");
  channels.on_link_up(kSecond, "g1");
  EXPECT_FALSE(changed());
  channels.on_link_down(kFirst, kSecond);
  EXPECT_TRUE(changed());
  channels.remove("one");
  EXPECT_TRUE(changed());
}

}  // namespace
}  // namespace ringgate::bench
