// Login numbers after 2^32 of them: their low half stands for them in mail, where 0 means none.
#include "services/gateway/channel.h"
#include "tests/services/gateway/world.h"

namespace ringgate {
namespace {

using test::receive;
using test::sequences;
using test::TcpPeer;
using test::World;
using test::WorldClient;
using test::WorldOptions;

TEST(LoginNumber, SkipsThoseThatLookLikeNoLogin) {
  WorldOptions options;
  options.gateway.first_login = 0xFFFF'FFFF;
  World world(options);
  world.start_login();
  const TcpPeer echo = world.link(2, 0);
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 3; ++i) {
    const WorldClient there = world.login(1);  // its link is shard 0's
    const auto place = place_of(there.channel, world.options.gateway.nonce);
    ASSERT_TRUE(place);
    numbers.push_back(place->login);
    EXPECT_TRUE(there.send(7));
    World::answer(echo, receive(echo), "an answer");
    EXPECT_EQ(sequences(there.socket, 1, Status::kSuccess), std::multiset<std::uint32_t>{7});
  }
  ASSERT_EQ(numbers.size(), 3U);
  EXPECT_EQ(numbers[0], 0xFFFF'FFFFU);
  EXPECT_LT(numbers[0] + 1, numbers[1]) << "0 is nobody's";
  EXPECT_LT(numbers[1], numbers[2]);
}

}  // namespace
}  // namespace ringgate
