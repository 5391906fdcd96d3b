// Answers that a real Consul agent does not give.
#include "tests/control/discovery/consul/stub.h"

#include <gmock/gmock.h>

#include "tests/control/discovery/consul/fixture.h"

namespace ringgate::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kOneService =
    R"([{"Node":{"Address":"10.0.0.1"},"Service":{"ID":"chat01","Service":"chat","Port":1}}])";

std::string indexed(const std::string& index, const std::string& body = kOneService) {
  return ConsulStub::response(200, body, "x-consul-INDEX: " + index + "\r\n");
}

// Answers with the same for ever.
ConsulStub::Answer always(std::string text) {
  return [text = std::move(text)](const TcpPeer& peer, const std::string&, std::size_t) {
    return peer.send(text);
  };
}

bool is_asked(const ConsulStub& stub, std::size_t times) {
  return becomes_true([&] { return stub.asked().size() >= times; });
}

// Between the first question and the one of that number.
std::chrono::nanoseconds time_of(const ConsulStub& stub, std::size_t number) {
  return stub.asked()[number].at - stub.asked()[0].at;
}

class ConsulBadAnswer : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(ConsulBadAnswer, IsAProblemAndNoNews) {
  const auto& [answer, says] = GetParam();
  const ConsulStub stub([&](const TcpPeer& peer, const std::string&, std::size_t number) {
    if (number == 0) return peer.send(indexed("7"));
    peer.send(answer);
    return false;
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_say(says)) << ours.problem();
  EXPECT_THAT(ours.problem(), Not(HasSubstr("\n")));
  EXPECT_TRUE(is_asked(stub, 4));
  EXPECT_EQ(ours.times_told("chat"), 1U);
  EXPECT_EQ(ours.last_told("chat").front().address, "10.0.0.1");
}

INSTANTIATE_TEST_SUITE_P(
    All, ConsulBadAnswer,
    testing::Values(
        std::pair(indexed("8", "[{]"), "the answer is not valid JSON"),
        std::pair(indexed("8", ""), "the answer is not valid JSON"),
        std::pair(indexed("8", "<html>"), "the answer is not valid JSON"),
        std::pair(indexed("8", "\xff"), "the answer is not valid JSON"),
        std::pair(indexed("8", R"({"a":1})"), "the answer is not a list of services"),
        std::pair(indexed("8", "[1]"), "the answer is not the services of Consul's API"),
        std::pair(indexed("8", R"([{"Node":{},"Service":{"ID":"a","Port":"1"}}])"),
                  "the answer is not the services of Consul's API"),
        std::pair(ConsulStub::response(403, "Permission denied\nor so"),
                  "403: the token may not read service chat: Permission denied; set ConsulToken"),
        std::pair(ConsulStub::response(500, "No cluster\x01leader"),
                  "500: No cluster\\x01leader; the"),
        std::pair(ConsulStub::response(429, ""), "429: (it does not say why)"),
        std::pair(ConsulStub::response(302, "", "Location: http://127.0.0.1:1/\r\n"), "302"),
        std::pair(ConsulStub::response(200, "[]", "X-Consul-Results-Filtered-By-Acls: true\r\n"),
                  "may not see all of service chat"),
        std::pair(std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n["), "does not answer"),
        std::pair(std::string("SSH-2.0-OpenSSH\r\n\r\n"), "does not answer")),
    [](const auto& test) { return std::to_string(test.index); });

TEST(ConsulBounds, ABodyWithoutAnEndIsCutOff) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t) {
    peer.send("HTTP/1.1 200 OK\r\nX-Consul-Index: 5\r\n\r\n[");
    const std::string spaces(64 * 1024, ' ');
    while (peer.send(spaces)) {
    }
    return false;
  });
  consul::Options options = quick(stub.url());
  options.request_timeout = 60s;
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_say("its answer is longer than we take"));
  EXPECT_EQ(ours.times_told("chat"), 0U);
}

TEST(ConsulBounds, AHeadWithoutAnEndIsCutOff) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t) {
    peer.send("HTTP/1.1 200 OK\r\n");
    while (peer.send("X-Junk: " + std::string(1000, 'x') + "\r\n")) {
    }
    return false;
  });
  consul::Options options = quick(stub.url());
  options.request_timeout = 60s;
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_say("its answer is longer than we take"));
}

TEST(ConsulBounds, AHeadThatNeverEndsTimesOut) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t) {
    peer.send("HTTP/1.1 200 OK\r\nX-Slow: ");
    while (peer.send("x")) std::this_thread::sleep_for(1ms);
    return false;
  });
  consul::Options options = quick(stub.url());
  options.request_timeout = 50ms;
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_say("does not answer in time"));
  EXPECT_TRUE(is_asked(stub, 3));
}

TEST(ConsulBadInstance, IsRefusedAndTheKnownOneStays) {
  const auto both = [](const std::string& address) {
    return R"([{"Node":{"Address":"10.0.0.1"},"Service":{"ID":"chat01","Service":"chat","Address":")" +
           address +
           R"(","Port":1}},)"
           R"({"Node":{"Address":"10.0.0.1"},"Service":{"ID":"chat02","Service":"chat","Port":2}}])";
  };
  const ConsulStub stub([&](const TcpPeer& peer, const std::string&, std::size_t number) {
    if (number == 0) return peer.send(indexed("7"));
    return number > 1 || peer.send(indexed("8", both("http://10.0.0.7:1")));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_know("chat", {"chat01", "chat02"}));
  EXPECT_EQ(ours.last_told("chat").front().address, "10.0.0.1");
}

// --- The index ----------------------------------------------------------------------------------

TEST(ConsulIndex, OneThatGoesBackwardsIsForgotten) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    constexpr std::array kIndexes{"100", "200", "150", "160"};
    if (number >= kIndexes.size()) return true;  // never answered
    return peer.send(indexed(kIndexes[number]));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 5));
  const std::vector<ConsulStub::Asked> asked = stub.asked();
  EXPECT_EQ(asked[0].line, "GET /v1/health/service/chat?passing HTTP/1.1");
  EXPECT_EQ(asked[1].line, "GET /v1/health/service/chat?passing&index=100&wait=60000ms HTTP/1.1");
  EXPECT_THAT(asked[2].line, HasSubstr("index=200&"));
  EXPECT_THAT(asked[3].line, Not(HasSubstr("index="))) << "150 after 200";
  EXPECT_THAT(asked[4].line, HasSubstr("index=160&"));
  EXPECT_EQ(ours.times_told("chat"), 1U) << "the list was the same each time";
}

TEST(ConsulIndex, OneOfAnErrorDoesNotCount) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    if (number == 0) return peer.send(indexed("100"));
    if (number == 1) return peer.send(ConsulStub::response(500, "no", "X-Consul-Index: 900\r\n"));
    return number > 2 || peer.send(indexed("101"));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 4));
  EXPECT_THAT(stub.asked()[2].line, Not(HasSubstr("index=")));
  EXPECT_THAT(stub.asked()[3].line, HasSubstr("index=101&"));
}

TEST(ConsulIndex, ZeroOrNoneIsNotAskedFor) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    if (number == 0) return peer.send(indexed("0"));
    if (number == 1) return peer.send(ConsulStub::response(200, kOneService));
    return peer.send(indexed("-1"));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 5));
  for (const ConsulStub::Asked& asked : stub.asked()) {
    EXPECT_THAT(asked.line, Not(HasSubstr("index=")));
  }
  EXPECT_EQ(ours.times_told("chat"), 1U);
}

// --- An agent that follows its servers' stream -------------------------------------------------
// What Consul 1.10 and newer answer to questions that wait. Others are answered as ever.

std::string streamed(const std::string& index, const std::string& body = kOneService) {
  return ConsulStub::response(200, body,
                              "X-Consul-Index: " + index +
                                  "\r\nX-Consul-Knownleader: false\r\nX-Consul-Lastcontact: 0\r\n"
                                  "X-Consul-Query-Backend: streaming\r\n");
}

std::string asked_of_servers(const std::string& index, const std::string& leader = "true") {
  return ConsulStub::response(
      200, kOneService,
      "X-Consul-Effective-Consistency: leader\r\nX-Consul-Index: " + index +
          "\r\nX-Consul-Knownleader: " + leader +
          "\r\nX-Consul-Lastcontact: 0\r\nX-Consul-Query-Backend: blocking-query\r\n");
}

TEST(ConsulStreaming, ItsKnowingOfNoLeaderIsNotBelieved) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    if (number == 0) return peer.send(asked_of_servers("100"));
    return number > 3 || peer.send(streamed(std::to_string(100 + number)));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 5));
  EXPECT_EQ(ours.problem(), "");
  EXPECT_THAT(stub.asked()[4].line, HasSubstr("index=103&"));
  EXPECT_EQ(ours.times_told("chat"), 1U);
}

TEST(ConsulStreaming, AServersKnowingOfNoLeaderIs) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    return number > 0 || peer.send(asked_of_servers("100", "false"));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_say("has no leader"));
}

// An agent whose stream broke while a question's time ran out answers 200, an empty list and index
// 1, although there are instances.
TEST(ConsulStreaming, AnEmptyListOfAnAgentThatLostItsStreamIsNotBelieved) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    if (number == 0) return peer.send(asked_of_servers("100"));
    if (number == 1) return peer.send(streamed("1", "[]"));
    return number > 2 || peer.send(asked_of_servers("101"));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 4));
  EXPECT_THAT(stub.asked()[2].line, Not(HasSubstr("index=")));
  EXPECT_THAT(stub.asked()[3].line, HasSubstr("index=101&"));
  EXPECT_EQ(ours.times_told("chat"), 1U);
  EXPECT_EQ(ours.problem(), "");
}

TEST(ConsulStreaming, AnAnswerThatIsEmptyAgainIsBelieved) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    if (number == 0) return peer.send(asked_of_servers("100"));
    if (number > 2) return true;
    return peer.send(streamed(number == 1 ? "1" : "2", "[]"));
  });
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  EXPECT_TRUE(ours.comes_to_know("chat", {}));
  EXPECT_EQ(ours.partial("chat"), (std::vector{false, true}))
      << "whoever has lost its memory may get it back piece by piece";
}

// --- No hot loop: the pauses are at least so long, however slow the machine is ------------------

class ConsulHotLoop : public testing::TestWithParam<std::string> {};

TEST_P(ConsulHotLoop, PausesGrow) {
  const ConsulStub stub(always(GetParam()));
  consul::Options options = quick(stub.url());
  options.backoff_min = 20ms;
  options.backoff_max = 80ms;
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 8));
  // Of each pause jitter leaves at least half: 10, 20, 40, 40 and so on. The first answer's index
  // is news, and the pause after it is not counted.
  EXPECT_GE(time_of(stub, 7), 10ms + 20ms + 4 * 40ms);
}

INSTANTIATE_TEST_SUITE_P(All, ConsulHotLoop,
                         testing::Values(indexed("5"), indexed("0"), indexed("5", "nonsense"),
                                         ConsulStub::response(500, "No cluster leader"),
                                         ConsulStub::response(403, "Permission denied")),
                         [](const auto& test) { return std::to_string(test.index); });

TEST(ConsulPace, NewsWithoutAnEndIsTakenAtABoundedPace) {
  const ConsulStub stub([](const TcpPeer& peer, const std::string&, std::size_t number) {
    return peer.send(indexed(std::to_string(number + 1)));
  });
  consul::Options options = quick(stub.url());
  options.min_pause = 20ms;
  RegistryUnderTest ours(options);
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 11));
  EXPECT_GE(time_of(stub, 10), 10 * 15ms);  // a pause counts from the question, not from its sight
}

// --- Counted ------------------------------------------------------------------------------------

TEST(ConsulMetrics, ErrorsAreCountedByKind) {
  const ConsulStub stub(always(ConsulStub::response(403, "Permission denied")));
  RegistryUnderTest ours(quick(stub.url()));
  ours.subscribe("chat");
  ASSERT_TRUE(is_asked(stub, 3));
  double denied = 0;
  double others = 0;
  ours.call([&](Registry& registry) {
    MetricsSnapshot metrics;
    registry.collect(metrics);
    for (const auto& family : metrics.take()) {
      EXPECT_EQ(family.name, "ringgate_registry_errors_total");
      for (const auto& metric : family.metric) {
        (metric.label.front().value == "denied" ? denied : others) += metric.counter.value;
      }
    }
  });
  EXPECT_GE(denied, 2);
  EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace ringgate::test
