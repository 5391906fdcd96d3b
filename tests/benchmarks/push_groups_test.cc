// Prepared pushes, over bytes.
#include "benchmarks/ringbench/push_groups.h"

#include <gmock/gmock.h>

#include "codec/header_scan.h"
#include "codec/packet.h"
#include "tests/integration/packets.h"

namespace ringgate::bench {
namespace {

using ::testing::ElementsAre;

constexpr LinkId kFirst{0, 0};
constexpr LinkId kSecond{1, 7};

ServiceChannels channels_on(const std::vector<LinkId>& links) {
  ServiceChannels channels;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const std::string number = std::to_string(i);
    channels.add({"c" + number, "account" + number, "g1", links[i]});
  }
  return channels;
}

std::string written(const PushGroups& groups, const PushPacket& packet) {
  std::string bytes(packet.bytes, '\0');
  groups.write(packet, reinterpret_cast<std::uint8_t*>(bytes.data()));
  return bytes;
}

test::Event event_of(const PushGroups& groups, const PushPacket& packet) {
  return test::read_packet(std::string_view(written(groups, packet)).substr(kTcpFrameHeadBytes));
}

// The receivers of each packet of each group.
std::vector<std::vector<std::string>> receivers(const PushGroups& groups) {
  std::vector<std::vector<std::string>> all;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    all.emplace_back();
    for (const PushPacket& packet : groups.packets(groups.group(i))) {
      all.back().push_back(event_of(groups, packet).meta("dest.channels"));
    }
  }
  return all;
}

TEST(PushGroups, NameSoManyConsecutiveChannels) {
  PushGroups groups("chat.user.talk", "account", 2, 24);
  groups.build(channels_on({kFirst, kFirst, kFirst, kFirst, kFirst}));
  EXPECT_THAT(receivers(groups),
              ElementsAre(ElementsAre("c0,c1"), ElementsAre("c2,c3"), ElementsAre("c4")));
  EXPECT_EQ(groups.group(0).receivers, 2U);
  EXPECT_EQ(groups.group(2).receivers, 1U);
}

TEST(PushGroups, AreOnePacketForEachLink) {
  PushGroups groups("chat.user.talk", "account", 3, 24);
  groups.build(channels_on({kFirst, kSecond, kFirst, kSecond}));
  EXPECT_THAT(receivers(groups), ElementsAre(ElementsAre("c0,c2", "c1"), ElementsAre("c3")));
  const auto packets = groups.packets(groups.group(0));
  EXPECT_EQ(packets[0].link, kFirst);
  EXPECT_EQ(packets[1].link, kSecond);
  EXPECT_EQ(groups.group(0).receivers, 3U);
}

// So that each client knows which packets are for it.
TEST(PushGroups, GoByTheNumbersOfTheirClientsWhoeverLogsInFirst) {
  ServiceChannels channels;
  for (const int client : {5, 0, 3, 1, 12}) {
    const std::string number = std::to_string(client);
    channels.add({"c" + number, "account00" + number, "g1", kFirst});
  }
  PushGroups groups("chat.user.talk", "account", 2, 24);
  groups.build(channels);
  EXPECT_THAT(receivers(groups), ElementsAre(ElementsAre("c0,c1"), ElementsAre("c3"),
                                             ElementsAre("c5"), ElementsAre("c12")));
  std::vector<std::uint32_t> sequences;
  for (std::size_t at = 0; at < groups.size(); ++at) {
    const auto packets = groups.packets(groups.group(at));
    sequences.push_back(event_of(groups, packets[0]).header.sequence());
  }
  EXPECT_THAT(sequences,
              ElementsAre(push_sequence(0), push_sequence(1), push_sequence(2), push_sequence(6)));
}

TEST(PushGroups, LeaveOutWhoCannotBeReached) {
  ServiceChannels channels = channels_on({kFirst, kSecond, kFirst});
  channels.on_link_down(kFirst, std::nullopt);
  PushGroups groups("chat.user.talk", "account", 2, 24);
  groups.build(channels);
  EXPECT_THAT(receivers(groups), ElementsAre(ElementsAre("c1")));
  channels.remove("c1");
  groups.build(channels);
  EXPECT_EQ(groups.size(), 0U);
}

TEST(PushGroups, OfVeryManyChannelsAreSeveralPackets) {
  ServiceChannels channels;
  const std::string long_name(1000, 'n');
  constexpr std::uint32_t kMany = 600;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    channels.add({long_name + std::to_string(i), "account" + std::to_string(i), "g1", kFirst});
  }
  PushGroups groups("chat.user.talk", "account", kMany, 24);
  groups.build(channels);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups.group(0).receivers, kMany);
  std::ptrdiff_t named = 0;
  for (const PushPacket& packet : groups.packets(groups.group(0))) {
    const std::string list = event_of(groups, packet).meta("dest.channels");
    EXPECT_LE(list.size(), PushGroups::kMaxDestChannelsBytes);
    named += std::ranges::count(list, ',') + 1;
  }
  EXPECT_EQ(named, kMany);
  EXPECT_EQ(groups.packets(groups.group(0)).size(), 3U);
}

TEST(PushGroups, CarryStampAndSequenceInACanonicalHeader) {
  PushGroups groups("chat.user.talk", "account", 1, 100);
  groups.build(channels_on({kFirst}));
  const PushPacket& packet = groups.packets(groups.group(0))[0];
  for (const std::uint32_t number : {0U, 1U, 127U, 128U, 0x0fff'ffffU, 0x1000'0000U, ~0U}) {
    groups.stamp({.sent_ns = 123'456'789, .number = number});
    const std::string bytes = written(groups, packet);
    const std::string_view payload = std::string_view(bytes).substr(kTcpFrameHeadBytes);
    HeaderScan scan;
    ASSERT_EQ(scan_header(parse_packet(as_bytes(payload), 4096).header, 8, scan),
              ScanStatus::kCanonical)
        << number;
    EXPECT_EQ(scan.command, "chat.user.talk");
    EXPECT_EQ(scan.flag, static_cast<std::uint32_t>(Flag::kPush));
    EXPECT_EQ(scan.sequence, push_sequence(0));
    EXPECT_EQ(scan.dest_server.value, "g1");
    const std::string body = test::read_packet(payload).body;
    EXPECT_EQ(body.size(), 100U);
    const PushStamp stamp = read_push_stamp(as_bytes(body)).value();
    EXPECT_EQ(stamp.number, number);
    EXPECT_EQ(stamp.sent_ns, 123'456'789U);
  }
}

TEST(PushGroups, ShortBodiesAndLongCommandsWork) {
  const std::string command(300, 'c');
  PushGroups groups(command, "account", 0, 1);
  groups.build(channels_on({kFirst, kFirst}));
  EXPECT_EQ(groups.size(), 2U) << "a fanout of 0 is one of 1";
  groups.stamp({.sent_ns = 5, .number = 6});
  const test::Event event = event_of(groups, groups.packets(groups.group(1))[0]);
  EXPECT_EQ(event.header.command(), command);
  EXPECT_EQ(event.header.sequence(), push_sequence(1)) << "the group";
  EXPECT_EQ(event.body.size(), kPushStampBytes);
}

}  // namespace
}  // namespace ringgate::bench
