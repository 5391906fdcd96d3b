#include "services/gateway/inspection/inspector.h"

#include <algorithm>
#include <set>
#include <string>

#include "services/gateway/inspection/heaviest.h"
#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::GatewayShard;
using test::Got;
using test::kEcho;
using test::kLogin;
using test::Mail;
using test::TestClient;

struct Answer {
  InspectedHead head{};
  std::string text;
  std::vector<LinkRow> links;
};

std::size_t rows_in(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '{'));
}

class InspectorPart : public testing::Test {
 protected:
  explicit InspectorPart(const ShardOptions& options = test::gateway_shard())
      : gateway_(gateway(), options) {}
  static GatewayOptions gateway() {
    GatewayOptions options = test::gateway_options();
    options.max_outstanding = 4;  // there are thousands of tables
    return options;
  }

  Answer ask(Inspection inspection, std::string_view account = {}, std::string_view app = {},
             std::string_view channel = {}) {
    InspectMail question{};
    question.question = ++question_;
    question.inspection = inspection;
    EXPECT_TRUE(question.filter.account.set(account));
    EXPECT_TRUE(question.filter.app.set(app));
    EXPECT_TRUE(question.filter.channel.set(channel));
    inspector_.inspect(question);
    const std::vector<Mail> answers = gateway_.told(kMailInspected);
    EXPECT_EQ(answers.size(), 1u);
    Answer answer;
    if (answers.empty()) return answer;
    ByteView rows = answers[0].message;
    answer.head = kMailInspected.read(rows);
    EXPECT_EQ(answer.head.question, question_);
    if (inspection != Inspection::kLinks) {
      answer.text = as_text(rows);
      return answer;
    }
    answer.links.resize(rows.size() / sizeof(LinkRow));
    std::memcpy(answer.links.data(), rows.data(), rows.size());
    return answer;
  }

  GatewayShard gateway_;
  Inspector inspector_{gateway_.context};
  std::uint32_t question_ = 0;
};

TEST_F(InspectorPart, LinksAreToldWithWhatWaitsOnThem) {
  FakePeer& login = gateway_.link(kLogin);
  login.window = 0;
  Upstream& its = *gateway_.context.upstreams.find(kLogin);
  std::ranges::fill(std::span(gateway_.it.shard.reserve(*its.link, 100), 100), std::uint8_t{0});
  ASSERT_TRUE(its.outstanding.add({0, 1, 1, "login.signin"}, 0));
  gateway_.context.upstreams.open(kEcho).mute = true;  // its link is another shard's
  const Answer answer = ask(Inspection::kLinks);
  EXPECT_EQ(answer.head.more, 0u);
  ASSERT_EQ(answer.links.size(), 2u);
  for (const LinkRow& row : answer.links) {
    const bool is_login = row.upstream == kLogin;
    EXPECT_EQ(row.outstanding, is_login ? 1u : 0u);
    EXPECT_EQ(row.queued_bytes, is_login ? 100u : 0u);
    EXPECT_EQ(row.ejected, is_login ? 0u : 1u);
  }
}

TEST_F(InspectorPart, MoreLinksThanAnAnswerHoldsAreSaidToBeThere) {
  constexpr std::uint32_t kFit = 48 * 1024 / sizeof(LinkRow);
  for (std::uint32_t id = 1; id <= kFit; ++id) gateway_.context.upstreams.open(id);
  EXPECT_EQ(ask(Inspection::kLinks).head.more, 0u);
  gateway_.context.upstreams.open(kFit + 1);
  const Answer answer = ask(Inspection::kLinks);
  EXPECT_EQ(answer.head.more, 1u);
  EXPECT_EQ(answer.links.size(), kFit);
}

TEST_F(InspectorPart, ChannelsAreDescribedAndThoseWithoutOneAreNot) {
  gateway_.connect();
  const TestClient alice = gateway_.channel("alice");
  channel_of(*alice.connection)->outstanding = 3;
  const Answer answer = ask(Inspection::kChannels);
  EXPECT_EQ(answer.head.channels, 1u);
  EXPECT_EQ(answer.head.more, 0u);
  const std::string id(channel_of(*alice.connection)->id());
  EXPECT_NE(answer.text.find(id), std::string::npos) << answer.text;
  for (const char* const part :
       {R"("account": "alice")", R"("app": "kim")", R"("shard": 0)", R"("loggedIn": true)",
        R"("outstanding": 3)", R"("queuedBytes": 0)", R"("remoteIP": "127.0.0.1")"}) {
    EXPECT_NE(answer.text.find(part), std::string::npos) << part << " in " << answer.text;
  }
}

TEST_F(InspectorPart, AFilterMeansThoseThatFitAllOfIt) {
  const TestClient alice = gateway_.channel("alice");
  gateway_.channel("alice");
  gateway_.channel("bob");
  const std::string id(channel_of(*alice.connection)->id());
  EXPECT_EQ(ask(Inspection::kChannels).head.channels, 3u);
  EXPECT_EQ(ask(Inspection::kChannels, "alice").head.channels, 2u);
  EXPECT_EQ(ask(Inspection::kChannels, "alic").head.channels, 0u);
  EXPECT_EQ(ask(Inspection::kChannels, "", "kim").head.channels, 3u);
  EXPECT_EQ(ask(Inspection::kChannels, "bob", "other").head.channels, 0u);
  EXPECT_EQ(ask(Inspection::kChannels, "", "", id).head.channels, 1u);
  EXPECT_EQ(ask(Inspection::kChannels, "bob", "", id).head.channels, 0u);
  EXPECT_EQ(ask(Inspection::kChannels, "bob", "other").text, "");
}

TEST_F(InspectorPart, WhoIsKickedIsToldAndClosedAndTheOthersStay) {
  const TestClient alice = gateway_.channel("alice");
  const TestClient bob = gateway_.channel("bob");
  const std::string id(channel_of(*alice.connection)->id());
  EXPECT_EQ(ask(Inspection::kKick, "alice").head.channels, 1u);
  const std::vector<Got> got = gateway_.got(*alice.peer);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].header.command(), kCommandSignIn);
  EXPECT_EQ(got[0].header.flag(), pkt::Push);
  pkt::KickoutNotify notify;
  ASSERT_TRUE(notify.ParseFromString(got[0].body));
  EXPECT_EQ(notify.channelid(), id);
  EXPECT_EQ(got[1].closed, "kicked_by_operator");
  EXPECT_TRUE(gateway_.got(*bob.peer).empty());
  EXPECT_TRUE(bob.connection->open());
  EXPECT_EQ(ask(Inspection::kKick, "alice").head.channels, 0u) << "it is closing already";
}

// A push before the login's answer would be the channel's first packet.
TEST_F(InspectorPart, WhoIsStillLoggingInIsOnlyClosed) {
  const TestClient alice = gateway_.channel("alice", ChannelState::kLoggingIn);
  ask(Inspection::kKick, "alice");
  const std::vector<Got> got = gateway_.got(*alice.peer);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].closed, "kicked_by_operator");
}

struct FullQueues : InspectorPart {
  static ShardOptions options() {
    ShardOptions options = test::gateway_shard();
    options.limits[index_of(Role::kClient)].max_queued_bytes = 256;
    return options;
  }
  FullQueues() : InspectorPart(options()) {}
};

TEST_F(FullQueues, WhoCannotBeToldIsClosedAllTheSame) {
  const TestClient alice = gateway_.channel("alice");
  alice.peer->window = 0;
  std::ranges::fill(std::span(gateway_.it.shard.reserve(*alice.connection, 256), 256),
                    std::uint8_t{0});
  ask(Inspection::kKick, "alice");
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
}

struct ManyChannels : InspectorPart {
  static constexpr std::uint32_t kChannels = 150;
  static ShardOptions options() {
    ShardOptions options = test::gateway_shard();
    options.max_clients = kChannels;
    return options;
  }
  ManyChannels() : InspectorPart(options()) {
    for (std::uint32_t i = 0; i < kChannels; ++i) {
      gateway_.channel(std::string(kMaxAccountBytes, 'a'));  // about 400 bytes of an answer
    }
  }
};

TEST_F(ManyChannels, AllAreCountedAndAsManyAsFitAreDescribed) {
  const Answer answer = ask(Inspection::kChannels);
  EXPECT_EQ(answer.head.channels, kChannels);
  EXPECT_EQ(answer.head.more, 1u);
  EXPECT_LE(answer.text.size(), 50'000u);
  EXPECT_GT(answer.text.size(), 45'000u);
  EXPECT_LT(rows_in(answer.text), kChannels);
  EXPECT_TRUE(answer.text.ends_with('}')) << "and none by half";
}

TEST_F(ManyChannels, AlsoThoseThatAreNotDescribedAreKicked) {
  EXPECT_EQ(ask(Inspection::kKick, "", "kim").head.channels, kChannels);
  EXPECT_EQ(gateway_.it.handler.reasons.size(), kChannels);
}

class SomeChannels : public InspectorPart {
 protected:
  SomeChannels() : InspectorPart(options()) {}
  static ShardOptions options() {
    ShardOptions options = test::gateway_shard();
    options.max_clients = 40;
    return options;
  }
};

// Whoever has nothing queued is none of them.
TEST_F(SomeChannels, TheHeaviestClientsAreThoseWithMostQueuedAndThoseThatTakeNothingForLongest) {
  constexpr std::size_t kMany = 30;
  gateway_.channel("idle");
  std::vector<TestClient> clients;
  for (std::size_t i = 1; i <= kMany; ++i) {
    clients.push_back(gateway_.channel("c" + std::to_string(i) + "."));
    clients.back().peer->window = 0;
    // The first have least, and wait longest.
    std::ranges::fill(
        std::span(gateway_.it.shard.reserve(*clients.back().connection, 10 * i), 10 * i),
        std::uint8_t{0});
    gateway_.pass(5);
  }
  const Answer answer = ask(Inspection::kHeaviest);
  EXPECT_EQ(answer.head.channels, 2 * kHeaviest);
  EXPECT_EQ(rows_in(answer.text), 2 * kHeaviest);
  for (std::size_t i = 1; i <= kMany; ++i) {
    const bool is_told = i <= kHeaviest || i > kMany - kHeaviest;
    EXPECT_EQ(answer.text.contains("\"c" + std::to_string(i) + ".\""), is_told) << i;
  }
  EXPECT_FALSE(answer.text.contains("idle"));
  EXPECT_TRUE(answer.text.contains(R"("queuedBytes": 300)")) << answer.text;
}

}  // namespace
}  // namespace ringgate
