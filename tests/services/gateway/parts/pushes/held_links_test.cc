// Links that are not read on while another shard has not read what came on them.
#include "services/gateway/parts/pushes/held_links.h"

#include <string>
#include <string_view>

#include "tests/services/gateway/parts/pushes/deliveries_fixture.h"

namespace ringgate {
namespace {

using test::Bodies;
using test::DeliveriesPart;
using test::FakePeer;
using test::Mail;
using test::PacketBytes;

constexpr std::uint32_t kOther = 1;  // shard

ShardOptions fast_links() {
  ShardOptions options = test::gateway_shard(2);
  options.ring.link_buffer_bytes = 64 * 1024;
  return options;
}

class HeldLinksPart : public DeliveriesPart {
 protected:
  HeldLinksPart() : DeliveriesPart(fast_links()) { gateway_.it.kernel.receive_whole(); }
  static void put(FakePeer& link, const std::string& channel, std::string_view body) {
    link.send(PacketBytes({.command = "echo.push",
                           .flag = Flag::kPush,
                           .dest_server = "g1",
                           .dest_channels = channel},
                          body)
                  .framed());
  }
  // 200 bytes each or so, more than a mailbox of 64 KiB holds.
  void flood() {
    for (int i = 0; i < kFlood; ++i) put(*echo_, id_on(kOther), std::to_string(i));
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) gateway_.it.turn(0);
  }
  // What the other shard reads now.
  Bodies read() {
    Bodies bodies;
    for (const Mail& mail : gateway_.mail(kOther)) {
      if (mail.kind != kMailDeliver) continue;
      ByteView rest = mail.message;
      const DeliveryHead head = kMailDeliver.read(rest);
      constexpr std::size_t kLength = 4;  // of the body, before it
      bodies.emplace_back(as_text(rest.subspan(head.channels_bytes + head.header_bytes + kLength)));
    }
    return bodies;
  }
  [[nodiscard]] std::uint64_t dropped() const { return gateway_.count(Counter::kMailFull); }
  [[nodiscard]] std::uint64_t held() const { return count(GatewayCounter::kLinksHeld); }

  static constexpr int kFlood = 2000;
};

TEST_F(HeldLinksPart, AFloodIsReadNoFasterThanItsShardReads) {
  flood();
  turns(50);
  EXPECT_EQ(held(), 1U);
  Bodies got;
  for (int i = 0; i < 1000 && got.size() < kFlood; ++i) {
    for (std::string& body : read()) got.push_back(std::move(body));
    turns(1);
  }
  ASSERT_EQ(got.size(), kFlood);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], std::to_string(i));
  EXPECT_EQ(dropped(), 0U);
}

TEST_F(HeldLinksPart, OneThatIsSlowGoesOnBesideAFlood) {
  flood();
  turns(50);
  ASSERT_EQ(held(), 1U);
  put(*login_, id_on(kOther), "of another service");
  turns(5);
  const Bodies got = read();
  EXPECT_EQ(got.back(), "of another service");
  EXPECT_LT(got.size(), kFlood / 2);
  EXPECT_EQ(held(), 1U);
}

TEST_F(HeldLinksPart, AShardThatReadsNothingIsNotWaitedForForever) {
  const test::TestClient here = gateway_.channel("alice");
  flood();
  put(*echo_, id(here), "behind it");
  turns(50);
  ASSERT_EQ(held(), 1U);
  EXPECT_EQ(bodies(here), Bodies{});
  gateway_.pass(HeldLinks::kPatienceMs + 1);
  EXPECT_EQ(bodies(here), Bodies{"behind it"});
  EXPECT_GT(dropped(), 0U);
  read();
  flood();
  turns(50);
  EXPECT_EQ(held(), 2U) << "it reads again";
}

}  // namespace
}  // namespace ringgate
