#include "services/gateway/channel.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>
#include <vector>

#include "codec/pkt.pb.h"
#include "control/routing/selector.h"
#include "services/gateway/commands.h"

namespace ringgate {
namespace {

constexpr std::string_view kNonce = "0a1b2c3d4e";

rc::Gen<std::string> text(std::size_t most) {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(1, most + 1), [](std::size_t bytes) {
    return rc::gen::container<std::string>(bytes, rc::gen::elementOf(std::string("abzAZ059_.-@")));
  });
}

// --- Ids ----------------------------------------------------------------------------------------

TEST(ChannelId, SaysWhereItsChannelIs) {
  EXPECT_TRUE(rc::check([] {
    const std::string gateway = *text(64);
    const std::string account = *text(128);
    const auto shard = *rc::gen::inRange<std::uint32_t>(0, kMaxShards);
    const auto slot = *rc::gen::inRange<std::uint32_t>(0, kMaxSlots);
    const auto login = *rc::gen::inRange<std::uint64_t>(0, 1ull << 45);
    const std::string id = make_channel_id(gateway, account, kNonce, shard, slot, login);
    RC_ASSERT(id.starts_with(gateway + "_" + account + "_"));
    RC_ASSERT(id.size() == gateway.size() + account.size() + 2 + kChannelUniqueDigits);
    const std::optional<ChannelPlace> place = place_of(id, kNonce);
    RC_ASSERT(place.has_value());
    RC_ASSERT(place->shard == shard);
    RC_ASSERT(place->slot == slot);
    RC_ASSERT(place->login == static_cast<std::uint32_t>(login));
  }));
}

TEST(ChannelId, TheLastShardAndSlotFit) {
  const std::string id =
      make_channel_id("g1", "alice", kNonce, kMaxShards - 1, kMaxSlots - 1, (1ull << 45) - 1);
  EXPECT_EQ(id, "g1_alice_0a1b2c3d4evvvvvvvvvvvvvvv");
  const auto place = place_of(id, kNonce);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->shard, kMaxShards - 1);
  EXPECT_EQ(place->slot, kMaxSlots - 1);
  EXPECT_EQ(place->login, 0xFFFFFFFFu);
}

TEST(ChannelId, IsAnotherForEveryShardSlotAndLogin) {
  std::set<std::string> ids;
  int made = 0;
  for (const std::uint32_t shard : {0u, 1u, 31u, 32u, 1023u}) {
    for (const std::uint32_t slot : {0u, 1u, 32u, 1024u, kMaxSlots - 1}) {
      for (const std::uint64_t login : {1ull, 2ull, 1ull << 32, (1ull << 32) + 1}) {
        ids.insert(make_channel_id("g1", "alice", kNonce, shard, slot, login));
        ++made;
      }
    }
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(made));
}

TEST(ChannelId, OfAnotherStartIsNowhere) {
  const std::string id = make_channel_id("g1", "alice", kNonce, 1, 2, 3);
  EXPECT_TRUE(place_of(id, kNonce));
  EXPECT_FALSE(place_of(id, "0a1b2c3d4f"));
  EXPECT_FALSE(place_of(id, ""));
}

TEST(ChannelId, PartsAndGarbageAreNowhere) {
  const std::string id = make_channel_id("g1", "alice", kNonce, 1, 2, 3);
  const std::string unique = id.substr(id.size() - kChannelUniqueDigits);
  EXPECT_FALSE(place_of("", kNonce));
  EXPECT_FALSE(place_of(unique, kNonce));
  EXPECT_FALSE(place_of(unique.substr(1), kNonce));
  for (std::size_t cut = 1; cut <= kChannelUniqueDigits; ++cut) {
    EXPECT_FALSE(place_of(id.substr(0, id.size() - cut), kNonce)) << cut;
  }
  for (std::size_t at = id.size() - kChannelUniqueDigits; at < id.size(); ++at) {
    for (const char wrong : {'w', 'A', '_', ' ', '\0', '\xff'}) {
      std::string spoilt = id;
      spoilt[at] = wrong;
      EXPECT_FALSE(place_of(spoilt, kNonce)) << at << ' ' << int{wrong};
    }
  }
  EXPECT_TRUE(rc::check([] { RC_ASSERT(!place_of(*rc::gen::arbitrary<std::string>(), kNonce)); }));
}

// An account that looks like the end of an id does not move its channel.
TEST(ChannelId, IsReadFromItsEnd) {
  const std::string other = make_channel_id("g1", "bob", kNonce, 7, 8, 9);
  const auto place = place_of(make_channel_id("g1", other, kNonce, 1, 2, 3), kNonce);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->shard, 1u);
  EXPECT_EQ(place->slot, 2u);
  EXPECT_EQ(place->login, 3u);
}

TEST(ChannelNonce, IsOneOfTenDigitsAndNewerOnesDiffer) {
  const std::string nonce = make_channel_nonce();
  EXPECT_EQ(nonce.size(), kChannelNonceDigits);
  EXPECT_EQ(nonce.find_first_not_of("0123456789abcdefghijklmnopqrstuv"), std::string::npos);
  // It is new with every millisecond.
  std::string later = make_channel_nonce();
  while (later == nonce) later = make_channel_nonce();
  EXPECT_TRUE(place_of(make_channel_id("g1", "alice", later, 0, 0, 1), later));
  EXPECT_FALSE(place_of(make_channel_id("g1", "alice", nonce, 0, 0, 1), later));
}

// --- Channels -----------------------------------------------------------------------------------

void expect_channel(BlockPool& pool, std::string_view gateway, std::string_view account,
                    std::string_view app) {
  const std::string id = make_channel_id(gateway, account, kNonce, 3, 4, 5);
  Channel* const channel = Channel::create(pool, {id, app, account, gateway});
  EXPECT_EQ(channel->id(), id);
  EXPECT_EQ(channel->account(gateway), account);
  EXPECT_EQ(channel->app(), app);
  EXPECT_EQ(channel->channel_crc, crc32_ieee(id));
  EXPECT_EQ(channel->state, ChannelState::kLoggingIn);
  // As protobuf reads what is appended to a header.
  pkt::Header header;
  const ByteView suffix = channel->suffix();
  EXPECT_TRUE(header.ParseFromArray(suffix.data(), static_cast<int>(suffix.size())));
  EXPECT_EQ(header.channelid(), id);
  ASSERT_EQ(header.meta_size(), 3);
  EXPECT_EQ(header.meta(0).value(), app);
  EXPECT_EQ(header.meta(1).value(), account);
  EXPECT_EQ(header.meta(2).value(), gateway);
  Channel::destroy(pool, channel);
}

TEST(Channel, SaysWhoseItIsForEveryLength) {
  BlockPool pool;
  const std::size_t before = pool.used_bytes();
  for (std::size_t account = 1; account <= 128; ++account) {
    for (const std::size_t gateway : {1u, 2u, 12u, 63u, 64u}) {
      for (const std::size_t app : {1u, 3u, 63u, 64u}) {
        expect_channel(pool, std::string(gateway, 'g'), std::string(account, 'a'),
                       std::string(app, 'k'));
        if (testing::Test::HasFailure()) FAIL() << account << ' ' << gateway << ' ' << app;
      }
    }
  }
  for (std::size_t bytes = 1; bytes <= 64; ++bytes) {
    expect_channel(pool, "g1", "alice", std::string(bytes, 'k'));
    expect_channel(pool, std::string(bytes, 'g'), "alice", "kim");
  }
  EXPECT_EQ(pool.used_bytes(), before);
}

TEST(Channel, SaysWhoseItIsWhateverTheNames) {
  BlockPool pool;
  EXPECT_TRUE(rc::check([&pool] {
    expect_channel(pool, *text(64), *text(128), *text(64));
    RC_ASSERT(!testing::Test::HasFailure());
  }));
}

TEST(Channel, GivesBackWhatWaited) {
  BlockPool pool;
  const std::string id = make_channel_id("g1", "alice", kNonce, 0, 0, 1);
  const std::size_t before = pool.used_bytes();
  Channel* const channel = Channel::create(pool, {id, "kim", "alice", "g1"});
  channel->waiting = new (pool.take(sizeof(Carry)).data) Carry;
  const std::vector<std::uint8_t> frames(5000, 1);
  ASSERT_TRUE(channel->waiting->append(pool, frames));
  Channel::destroy(pool, channel);
  EXPECT_EQ(pool.used_bytes(), before);
}

// --- Commands, as metrics know them -------------------------------------------------------------

TEST(CommandIndex, IsBoundedWhateverClientsSend) {
  for (std::size_t i = 0; i < kKnownCommands.size(); ++i) {
    EXPECT_EQ(command_index(kKnownCommands[i]), i);
  }
  EXPECT_EQ(command_index(""), kOtherCommand);
  EXPECT_EQ(command_index("login.signi"), kOtherCommand);
  EXPECT_EQ(command_index("login.signin2"), kOtherCommand);
  EXPECT_EQ(command_index("LOGIN.SIGNIN"), kOtherCommand);
  EXPECT_EQ(command_index(std::string(100'000, 'x')), kOtherCommand);
  EXPECT_TRUE(rc::check(
      [](const std::string& any) { RC_ASSERT(command_index(any) < kKnownCommands.size()); }));
}

}  // namespace
}  // namespace ringgate
