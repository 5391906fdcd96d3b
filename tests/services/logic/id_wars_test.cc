#include "services/logic/id_wars.h"

#include <gmock/gmock.h>

namespace ringgate {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

struct War {
  void lose(std::uint32_t lane, std::string_view from, milliseconds at) {
    wars.replaced("g1", lane, PeerAddress::parse(from), begin + at);
  }
  std::optional<std::string> look(milliseconds at) {
    wars.look(begin + at);
    return wars.text();
  }

  IdWars wars;
  IdWars::Time begin = std::chrono::steady_clock::now();
};

TEST(IdWars, LinksThatReplaceEachOtherAreTwoProcessesOfOneId) {
  War war;
  war.lose(0, "10.0.0.1:4001", milliseconds(0));
  war.lose(0, "10.0.0.2:4002", milliseconds(100));
  war.lose(0, "10.0.0.1:4003", milliseconds(200));
  EXPECT_EQ(war.look(milliseconds(300)), std::nullopt);
  war.lose(0, "10.0.0.2:4004", milliseconds(300));
  EXPECT_THAT(war.look(milliseconds(400)),
              testing::Optional(AllOf(HasSubstr("gateway g1"), HasSubstr("10.0.0.1"),
                                      HasSubstr("10.0.0.2"), HasSubstr("ServiceID"))));
  EXPECT_EQ(war.look(milliseconds(300) + IdWars::kWithin + milliseconds(1)), std::nullopt);
}

TEST(IdWars, AGatewayThatWasKilledReplacesEachOfItsLinksOnce) {
  War war;
  for (std::uint32_t lane = 0; lane < 8; ++lane) war.lose(lane, "10.0.0.1", milliseconds(lane));
  EXPECT_EQ(war.look(milliseconds(100)), std::nullopt);
}

TEST(IdWars, LinksThatAreLostNowAndThenAreNone) {
  War war;
  for (int i = 0; i < 100; ++i) {
    war.lose(0, "10.0.0.1", i * IdWars::kWithin / 2);
    EXPECT_EQ(war.look(i * IdWars::kWithin / 2), std::nullopt) << i;
  }
}

}  // namespace
}  // namespace ringgate
