// Why messages do not arrive: what `ringgate trace` and the flight recorder say of talks that were
// lost on purpose, each in words of its own.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <map>
#include <sstream>
#include <utility>

#include "control/base/text_file.h"
#include "tests/common/tcp_peer.h"
#include "tests/integration/trace_bench.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAdminToken = "a-token-of-sixteen-bytes-and-more";

// --- Talks that were lost ------------------------------------------------------------------------

TEST(Trace, AReceiverThatIsOfflineIsSaidToBe) {
  TraceBench it;
  Client alice = log_in(it.bench.gateway, "alice");
  {
    Client bob = log_in(it.bench.gateway, "bob");
    bob.frames = FrameSocket();
  }
  it.bench.gateway.wait_metric("ringgate_closed_total", 1);
  alice.send(talk("bob", "are you there?", 2));
  ASSERT_TRUE(alice.next().is_answer(2));
  EXPECT_THAT(recorded(it.port, "bob").output,
              AllOf(HasSubstr("closed: peer_closed"),
                    HasSubstr("bob is not logged in on the 1 gateway that answers: chat "
                              "keeps what is sent to it")));
  EXPECT_THAT(recorded(it.port, "alice").output,
              AllOf(HasSubstr("chat.user.talk (sequence 2) sent to chat01"),
                    ContainsRegex("chat01 answered after .*: 0 Success"),
                    HasSubstr("alice is logged in on 1 channel")));
}

TEST(Trace, AReceiverWhoseQueueIsFullIsSaidToBe) {
  const std::uint16_t port = free_port();
  ChatBench bench(with_admin(port, {{"MaxQueuedBytes", "64KiB"}}));
  Client bob = bench.log_in("bob");
  const std::string text(30'000, 'x');
  wait_until("bob is closed", [&] {
    for (int i = 0; i < 20; ++i) bench.chat_link.push("g1", bob.channel, text);
    return bench.gateway.metric("ringgate_closed_by_reason_total", "slow_consumer") >= 1;
  });
  EXPECT_THAT(recorded_with(port, "bob", "closed: slow_consumer"),
              AllOf(HasSubstr("a push of chat.user.talk from chat01"), HasSubstr("is in its queue"),
                    HasSubstr("was dropped: the client does not read, and its queue is full"),
                    ContainsRegex("closed: slow_consumer; [0-9]+ bytes were still queued")));
  // And after its end: what the kernel still has of it.
  const AdminAnswer page = admin_get(port, "/channels/" + bob.channel);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body,
              AllOf(HasSubstr(R"("connected": false)"), HasSubstr(R"("reason": "slow_consumer")"),
                    HasSubstr(R"("event": "push_dropped")"),
                    AnyOf(HasSubstr(R"("windowBytes")"), HasSubstr("it has ended: the kernel"))));
}

TEST(Trace, AServiceThatIsKilledBetweenIsNamed) {
  TraceBench it;
  Client alice = log_in(it.bench.gateway, "alice");
  it.bench.chat.process().freeze();
  alice.send(talk("bob", "hello", 2));
  it.bench.gateway.wait_metric("ringgate_outstanding", 1);
  it.bench.chat.process().signal(SIGKILL);
  ASSERT_TRUE(alice.next().is_answer(2, pkt::SystemException));
  EXPECT_THAT(
      recorded(it.port, "alice").output,
      AllOf(HasSubstr("chat.user.talk (sequence 2) sent to chat01"),
            ContainsRegex("chat01 did not answer in .*: its link broke first; the client was "
                          "told 300, outcome unknown")));
  wait_until("the link is down", [&] { return it.bench.gateway.metric("ringgate_links") == 0; });
  alice.send(talk("bob", "hello?", 3));
  ASSERT_TRUE(alice.next().is_answer(3, pkt::SystemException));
  EXPECT_THAT(recorded(it.port, "alice").output,
              HasSubstr("a packet for chat (sequence 3) was not sent: no instance of it is "
                        "connected; the client was told 300"));
}

TEST(Trace, AGatewayThatIsKilledIsNamedAndTheNextOneIsFollowed) {
  TraceBench it;
  const std::uint16_t second_port = free_port();
  Server second(it.bench.world, "gateway", "g2",
                with_admin(second_port, {{"Routes", "{login: chat}"}}));
  Client alice = log_in(it.bench.gateway, "alice");
  const std::string config = (it.bench.world.folder().path() / "g2.yaml").string();
  ProcessUnderTest trace(ProcessUnderTest::ringgate({"trace", "-c", config, "--account", "alice"}));
  trace.wait_for_line("alice is logged in on 1 channel");
  it.bench.gateway.process().signal(SIGKILL);
  trace.wait_for_line("g1 does not answer (");
  trace.wait_for_line(
      "alice is not logged in on the 1 gateway that answers; of 1 gateway that does not say it is "
      "not known");
  Client again = log_in(second, "alice");
  trace.wait_for_line("is channel " + again.channel + " of app kim");
  EXPECT_THAT(trace.wait_for_line("logged in by"), HasSubstr(" g1 "));
  wait_until("the second login is told", [&] {
    const std::string output = trace.output();
    const std::string end = again.channel.substr(again.channel.size() - 6);
    const std::size_t at = output.find(" g2 kim #");
    return at != std::string::npos &&
           output.find(end + " logged in by chat01", at) != std::string::npos;
  });
  EXPECT_THAT(trace.output(), HasSubstr("if it has ended, so have its channels, and what it had "
                                        "recorded is lost"));
}

TEST(Trace, AReceiverInAnotherAppIsSaidToBe) {
  TraceBench it;
  Client bob{it.bench.gateway.connect(), "bob", {}};
  bob.send(login(token("bob", {.app = "another"})));
  ASSERT_TRUE(bob.next().is_answer(1));
  Client alice = log_in(it.bench.gateway, "alice");
  alice.send(talk("bob", "do you hear me?", 2));
  ASSERT_TRUE(alice.next().is_answer(2));
  EXPECT_THAT(recorded(it.port, "bob", {"--app", "kim"}).output,
              AllOf(HasSubstr("bob is logged in to app another, not to kim"),
                    Not(HasSubstr("logged in by"))));
  EXPECT_THAT(recorded(it.port, "bob", {"--app", "another"}).output,
              AllOf(HasSubstr("bob is logged in on 1 channel"), HasSubstr("logged in by"),
                    Not(HasSubstr("a push"))));
}

TEST(Trace, WhoIsKickedIsSaidToBeAndByWhom) {
  TraceBench it;
  Client first = log_in(it.bench.gateway, "alice");
  Client second = log_in(it.bench.gateway, "alice");
  ASSERT_EQ(first.next().kind, Event::Kind::kLogic);
  EXPECT_THAT(recorded_with(it.port, "alice", "closed: kicked_out"),
              AllOf(HasSubstr("kicked out by a newer login of its account"),
                    HasSubstr("alice is logged in on 1 channel")));
  Socket socket = Socket::connect(it.port);
  socket.write_all("POST /kick?account=alice HTTP/1.1\r\nHost: 127.0.0.1:" +
                   std::to_string(it.port) + "\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(second.next().kind, Event::Kind::kLogic);
  EXPECT_THAT(recorded_with(it.port, "alice", "closed: kicked_by_operator"),
              HasSubstr("kicked out by an operator"));
}

// --- The command ---------------------------------------------------------------------------------

TEST(Trace, FollowsWhatHappensAndTellsEachEventOnce) {
  TraceBench it(Settings{{"Shards", "2"}});
  const std::string config = (it.bench.world.folder().path() / "g1.yaml").string();
  ProcessUnderTest trace(
      ProcessUnderTest::ringgate({"trace", "-c", config, "--account", "alice", "--json"}));
  trace.wait_for_line(R"("notice": "offline")");
  Client alice = log_in(it.bench.gateway, "alice");
  trace.wait_for_line(R"("event": "logged_in")");
  alice.send(ping());
  ASSERT_EQ(alice.next().kind, Event::Kind::kPong);
  trace.wait_for_line(R"("event": "pings", "count": 1, "words": "1 ping answered)");
  Client bob = log_in(it.bench.gateway, "bob");
  for (std::uint32_t i = 2; i < 60; ++i) {
    bob.send(talk("alice", "to alice", i));
    ASSERT_TRUE(bob.next().is_answer(i));
    alice.send(talk("nobody", "to nobody", i));
    // In whichever order: the push comes over another shard, perhaps.
    bool is_answered = false;
    bool is_pushed = false;
    while (!is_answered || !is_pushed) {
      const bool answer = alice.next().is_answer(i);
      is_answered = is_answered || answer;
      is_pushed = is_pushed || !answer;
    }
  }
  alice.frames = FrameSocket();
  trace.wait_for_line(R"("event": "closed")");
  std::map<std::string, int> counted;
  std::istringstream lines(trace.output());
  for (std::string line;
       std::getline(lines, line) && !lines.eof();) {  // the last may be half a line
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    ASSERT_EQ(parser.parse(line).get(element), simdjson::SUCCESS) << line;
    std::string_view event;
    if (element["event"].get(event) == simdjson::SUCCESS) ++counted[std::string(event)];
  }
  EXPECT_EQ(counted["channel"], 1);
  EXPECT_THAT(trace.output(),
              ContainsRegex("\"channel\": \"" + alice.channel +
                            R"(",[^}]*"event": "channel", "remoteIP": "127.0.0.1", )"
                            R"("remotePort": [1-9][0-9]*, "transport": "tcp", "words": )"));
  EXPECT_EQ(counted["login_asked"], 1);
  EXPECT_EQ(counted["logged_in"], 1);
  EXPECT_EQ(counted["forwarded"], 58);
  EXPECT_EQ(counted["answered"], 58);
  EXPECT_EQ(counted["push_queued"], 58);
  EXPECT_GE(counted["written"], 1);
  EXPECT_EQ(counted["closed"], 1);
  EXPECT_THAT(trace.output(), Not(HasSubstr("\"missed\"")));
}

// The ends of ids come again after four minutes at a gateway of ours: so it is played.
TEST(Trace, ChannelsWithTheSameEndHaveNamesOfTheirOwn) {
  const TcpService gateway;
  ProcessUnderTest trace(ProcessUnderTest::ringgate({"trace", "--gateway",
                                                     "127.0.0.1:" + std::to_string(gateway.port()),
                                                     "--account", "alice", "--for", "0s"}));
  const TcpPeer asked = gateway.accept();
  for (std::string request; !request.ends_with("\r\n\r\n");) {
    const std::string more = asked.read(1);
    ASSERT_FALSE(more.empty());
    request += more;
  }
  const auto channel = [](const std::string& id) {
    return R"({"channel": ")" + id + R"(", "app": "kim", "connected": true, "loggedIn": true})";
  };
  const std::string answer = R"({"gateway": "g1", "cursor": "1", "channels": [)" +
                             channel("g1_alice_1000abcdef") + ", " +
                             channel("g1_alice_2000abcdef") + R"(], "events": []})";
  asked.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(answer.size()) +
             "\r\nConnection: close\r\n\r\n" + answer);
  EXPECT_EQ(trace.wait_exit(), 0) << trace.output();
  EXPECT_THAT(trace.output(), HasSubstr("#abcdef is channel g1_alice_1000abcdef of app kim"));
  EXPECT_THAT(trace.output(), HasSubstr("#0abcdef is channel g1_alice_2000abcdef of app kim"));
}

TEST(Trace, TheTokenOfTheConfigurationIsShownAndAnotherIsRefused) {
  TraceBench it(Settings{{"AdminToken", kAdminToken}});
  Client alice = log_in(it.bench.gateway, "alice");
  const Ended refused = recorded(it.port, "alice");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output, AllOf(HasSubstr("wants another token"),
                                    HasSubstr("whether alice is logged in is not known"),
                                    Not(HasSubstr("alice is not logged in"))));
  const std::string config = (it.bench.world.folder().path() / "g1.yaml").string();
  const Ended good = run({"trace", "-c", config, "--account", "alice", "--for", "0s"});
  EXPECT_EQ(good.code, 0);
  EXPECT_THAT(good.output, HasSubstr("logged in by"));
  const std::string file = it.bench.world.folder().write("token", kAdminToken).string();
  EXPECT_THAT(recorded(it.port, "alice", {"--token-file", file}).output, HasSubstr("logged in by"));
}

TEST(Trace, WithoutAGatewayThatAnswersItIsNotSaidThatNobodyIsLoggedIn) {
  const Ended nobody = recorded(free_port(), "alice");
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.output, AllOf(HasSubstr("does not answer ("),
                                   HasSubstr("no gateway has told what it knows of alice"),
                                   Not(HasSubstr("alice is not logged in"))));
  TraceBench it;
  const Ended one =
      recorded(free_port(), "alice", {"--gateway", "127.0.0.1:" + std::to_string(it.port)});
  EXPECT_EQ(one.code, 0);
  EXPECT_THAT(one.output, HasSubstr("alice is not logged in on the 1 gateway that answers; of 1 "
                                    "gateway that does not say it is not known"));
}

TEST(Trace, WhatIsRecordedIsToldWhileAsManyAsMayBeAreFollowed) {
  TraceBench it;
  Client alice = log_in(it.bench.gateway, "alice");
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(admin_get(it.port, "/trace?account=other" + std::to_string(i)).status, 200);
  }
  EXPECT_EQ(admin_get(it.port, "/trace?account=alice").status, 503);
  for (int i = 0; i < 2; ++i) {
    const Ended told = recorded(it.port, "alice");
    EXPECT_EQ(told.code, 0);
    EXPECT_THAT(told.output,
                AllOf(HasSubstr("logged in by"), HasSubstr("alice is logged in on 1 channel")));
  }
  EXPECT_EQ(admin_get(it.port, "/trace?account=alice&follow=2").status, 400);
}

// The account is in its token, which is signed as it should be, and nobody was logged in.
TEST(Trace, ALoginWithATokenThatHasExpiredIsFound) {
  TraceBench it;
  const auto try_expired = [&](const std::string& account, const std::string& secret) {
    FrameSocket client = it.bench.gateway.connect();
    client.send(login(token(account, {.expires_in_s = -10, .secret = secret})));
    EXPECT_TRUE(client.next().is_answer(1, pkt::Unauthorized));
  };
  try_expired("alice", std::string(kSecret));
  try_expired("mallory", "another-secret-of-more-than-enough-bytes");
  it.bench.gateway.wait_metric_is("ringgate_closed_total", 2);
  constexpr const char* kWords = "refused: the token has expired; its token names this account";
  const Ended told = recorded(it.port, "alice");
  EXPECT_THAT(told.output, ContainsRegex(std::string("g1 kim login from .*") + kWords));
  EXPECT_THAT(told.output, HasSubstr("alice is not logged in"));
  EXPECT_THAT(recorded(it.port, "alice", {"--json"}).output,
              HasSubstr(R"("event": "refused_before_login")"));
  EXPECT_THAT(recorded(it.port, "alice", {"--app", "other"}).output, Not(HasSubstr("refused")));
  EXPECT_THAT(recorded(it.port, "mallory").output, Not(HasSubstr("refused")));
  EXPECT_THAT(admin_get(it.port, "/closes?account=alice").body,
              AllOf(HasSubstr(R"("channel": null)"), HasSubstr(R"("account": "alice")"),
                    HasSubstr(R"("claimed": true)"), HasSubstr("the token has expired")));
  EXPECT_THAT(admin_get(it.port, "/closes?account=mallory").body, HasSubstr(R"("closes": [])"));
  it.bench.gateway.process().wait_for_line("login of alice of kim from 127.0.0.1:");
  // One that comes while the account is followed, too.
  ASSERT_EQ(admin_get(it.port, "/trace?account=bob").status, 200);
  try_expired("bob", std::string(kSecret));
  it.bench.gateway.wait_metric_is("ringgate_closed_total", 3);
  EXPECT_THAT(admin_get(it.port, "/trace?account=bob").body, HasSubstr(R"("claimed": true)"));
}

// So many talks of one client after the other.
void talk_often(Client& client, std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = first; i < first + count; ++i) {
    client.send(talk("nobody", "hello", i));
    ASSERT_TRUE(client.next().is_answer(i));
  }
}

TEST(Trace, WhatTheRecorderHasNotKeptIsSaid) {
  TraceBench it(Settings{{"RecordedChannels", "16"}});
  std::vector<Client> others;
  for (int i = 0; i < 16; ++i) {
    talk_often(others.emplace_back(log_in(it.bench.gateway, "other" + std::to_string(i))), 2, 1);
  }
  Client alice = log_in(it.bench.gateway, "alice");
  EXPECT_THAT(recorded(it.port, "other0").output,
              AllOf(Not(HasSubstr("not kept")), Not(HasSubstr("not recorded"))));
  EXPECT_THAT(recorded(it.port, "alice").output, Not(HasSubstr("not recorded")));
  talk_often(others[0], 3, 40);
  talk_often(alice, 2, 1);
  // Two of the login, and two of each talk.
  for (const std::vector<std::string>& more : {std::vector<std::string>(), {"--json"}}) {
    EXPECT_THAT(recorded(it.port, "other0", more).output,
                AllOf(HasSubstr("52 older events of it are not kept: a record has the last 32"),
                      Not(HasSubstr("not recorded"))));
    EXPECT_THAT(recorded(it.port, "alice", more).output,
                AllOf(HasSubstr("some of its events are not recorded"), HasSubstr("logged in by"),
                      Not(HasSubstr("not kept"))));
  }
  EXPECT_THAT(admin_get(it.port, "/channels/" + alice.channel).body,
              HasSubstr(R"("someNotRecorded": true)"));
  EXPECT_THAT(admin_get(it.port, "/trace?account=other0").body, HasSubstr(R"("eventsGone": 52)"));
}

TEST(Trace, ChannelsThatAreMoreThanAreToldAreSaidToBe) {
  const std::uint16_t port = free_port();
  ChatBench bench(with_admin(port));
  std::vector<Client> channels;
  for (int i = 0; i < 34; ++i) channels.push_back(bench.log_in("alice"));
  const std::string told = recorded(port, "alice").output;
  EXPECT_THAT(told, HasSubstr("has 2 more channels of alice than can be told of (32 on a shard)"));
  EXPECT_THAT(told, HasSubstr("alice is logged in on 32 channels"));
  EXPECT_THAT(admin_get(port, "/trace?account=alice").body, Not(HasSubstr(R"("channel": null)")));
  EXPECT_THAT(recorded(port, "bob").output, Not(HasSubstr("more channels")));
  channels.clear();
  bench.gateway.wait_metric("ringgate_closed_total", 34);
  EXPECT_THAT(recorded(port, "alice").output,
              HasSubstr("has 30 older channels of alice that ended: see /closes?account="));
}

TEST(Trace, TheLogIsNotInWhatIsPrinted) {
  const World world;
  const std::string config = world.config(
      "gateway", "g1",
      {{"RegistryFile", ""}, {"ConsulURL", "127.0.0.1:" + std::to_string(free_port())}});
  const std::string log = (world.folder().path() / "log").string();
  std::vector<std::string> words = {"sh", "-c", "exec \"$0\" \"$@\" 2>" + log};
  for (std::string& word : ProcessUnderTest::ringgate(
           {"trace", "-c", config, "--account", "alice", "--json", "--for", "0s"})) {
    words.push_back(std::move(word));
  }
  ProcessUnderTest trace(words);
  trace.close_stdin();
  EXPECT_EQ(trace.wait_exit(), 1);
  EXPECT_EQ(trace.whole_output(), "");
  EXPECT_THAT(read_text_file(log, 1 << 20).value(), ContainsRegex("warning.*Consul at"));
}

TEST(Trace, WhatIsWrittenWrongIsSaid) {
  const World world;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"trace", "--account", "alice"},
        {"trace", "--account", "a,b", "--gateway", "127.0.0.1:1"},
        {"trace", "--account", "alice", "--gateway", "127.0.0.1:1", "--for", "2h"},
        {"trace", "--account", "alice", "--gateway", "127.0.0.1"}}) {
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, 2) << ended.output;
    expect_one_line(ended);
  }
  const Ended nobody =
      run({"trace", "--account", "alice", "--for", "0s", "-c", world.config("gateway", "g1", {})});
  EXPECT_EQ(nobody.code, 1) << nobody.output;
  expect_one_line(nobody);
}

}  // namespace
}  // namespace ringgate::test
