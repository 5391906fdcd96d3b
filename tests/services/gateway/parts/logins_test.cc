// A client's first packet, on its way to the login service. Its answer: login_answers_test.cc.
#include <string>
#include <utility>

#include "tests/services/gateway/parts/logins_fixture.h"

namespace ringgate {
namespace {

using test::Got;
using test::kLogin;
using test::kSecret;
using test::kSignIn;
using test::LoginsPart;
using test::request;
using test::TestClient;
using test::token;

// --- A first packet -----------------------------------------------------------------------------

TEST_F(LoginsPart, ALoginGoesToItsServiceWithASessionInItsBody) {
  service_ = &gateway_.link(kLogin);
  pkt::LoginReq body = request();
  body.set_zone("z1");
  body.set_isp("isp1");
  body.add_tags("a tag");
  const TestClient client = login(body);
  const std::vector<Got> got = gateway_.got(*service_);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].header.command(), kCommandSignIn);
  EXPECT_EQ(got[0].header.sequence(), 7u);
  pkt::Session session;
  ASSERT_TRUE(session.ParseFromString(got[0].body));
  EXPECT_EQ(session.account(), "alice");
  EXPECT_EQ(session.app(), "kim");
  EXPECT_EQ(session.zone(), "z1");
  EXPECT_EQ(session.isp(), "isp1");
  EXPECT_EQ(session.gateid(), "g1");
  EXPECT_EQ(session.remoteip(), "127.0.0.1");
  ASSERT_EQ(session.tags_size(), 1);
  EXPECT_EQ(session.tags(0), "a tag");
  const Channel& channel = *channel_of(*client.connection);
  EXPECT_EQ(session.channelid(), channel.id());
  EXPECT_EQ(got[0].header.channelid(), channel.id());
  EXPECT_EQ(channel.state, ChannelState::kLoggingIn);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kOutstanding), 1u);
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kChannels), 0u);
}

TEST_F(LoginsPart, AnythingButALoginIsToldToLogInFirst) {
  for (const OutgoingHeader& header :
       {OutgoingHeader{.command = "echo.test", .sequence = 7},
        OutgoingHeader{.command = kCommandSignOut, .sequence = 7},
        OutgoingHeader{.command = kCommandSignIn, .sequence = 7, .flag = Flag::kResponse}}) {
    const TestClient client = gateway_.connect();
    send(client, header, request().SerializeAsString());
    expect_refused(client, Status::kInvalidCommand, "not_a_login", "log in first");
  }
  EXPECT_EQ(gateway_.count(GatewayCounter::kRefusedCommands), 3u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsRefused), 0u);
}

struct SmallBodies : LoginsPart {
  static GatewayOptions options() {
    GatewayOptions options = test::gateway_options();
    options.max_login_body_bytes = 1000;
    options.max_login_tags = 2;
    return options;
  }
  SmallBodies() : LoginsPart(options()) {}
};

// Also with a token that is good: it is not looked at.
TEST_F(SmallBodies, AreRefusedBeforeTheToken) {
  gateway_.link(kLogin);
  pkt::LoginReq long_label = request();
  long_label.set_zone(std::string(257, 'z'));
  pkt::LoginReq tags = request();
  for (int i = 0; i < 3; ++i) tags.add_tags("tag");
  const std::pair<std::string, const char*> cases[] = {
      {std::string(1001, 'x'), "the body is longer than a login may be"},
      {"\xff\xff", "the body is not a LoginReq"},
      {tags.SerializeAsString(), "the body has more tags or fields than a login may have"},
      {long_label.SerializeAsString(),
       "zone, isp or a tag is longer than 256 bytes, not UTF-8 or has a control character"},
  };
  for (const auto& [body, words] : cases) {
    const TestClient client = gateway_.connect();
    send(client, kSignIn, body);
    expect_refused(client, Status::kInvalidPacketBody, "login_refused", words);
  }
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginBodiesRefused), 4u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsRefused), 4u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwarded), 0u);
}

TEST_F(LoginsPart, ATokenThatIsNotGoodIsRefused) {
  gateway_.link(kLogin);
  for (const std::string& bad : {token("another secret"), token(kSecret, -10)}) {
    const std::vector<Got> got = gateway_.got(*login(request(bad)).peer);
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].header.status(), pkt::Unauthorized);
    EXPECT_NE(error_words(got[0]), "");
    EXPECT_EQ(got[1].closed, "login_refused");
  }
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsRefused), 2u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginBodiesRefused), 0u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwarded), 0u);
}

TEST_F(LoginsPart, SecretsOfAReloadCountAtOnce) {
  gateway_.link(kLogin);
  gateway_.context.options.secrets = {"another secret"};
  logins_.reconfigure();
  EXPECT_NE(channel_of(*login(request(token("another secret"))).connection), nullptr);
  EXPECT_EQ(gateway_.got(*login().peer).size(), 2u) << "the older one is not good any more";
}

// --- Where it cannot go -------------------------------------------------------------------------

TEST_F(LoginsPart, WithoutALoginServiceItIsRefused) {
  const TestClient client = login();
  EXPECT_EQ(channel_of(*client.connection), nullptr);
  expect_refused(client, Status::kSystemException, "no_login_service",
                 "no login service is connected; try again");
  EXPECT_EQ(gateway_.count(GatewayCounter::kNoService), 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kLoginsRefused), 1u);
  EXPECT_TRUE(failures().empty()) << "which /ready knows by itself";
}

struct OneOutstanding : LoginsPart {
  static GatewayOptions options() {
    GatewayOptions options = test::gateway_options();
    options.max_outstanding = 1;
    return options;
  }
  OneOutstanding() : LoginsPart(options()) {}
};

TEST_F(OneOutstanding, AServiceThatTakesNoMoreRefusesItAndControlIsTold) {
  const TestClient first = logging_in();
  const TestClient second = login();
  EXPECT_EQ(channel_of(*second.connection), nullptr);
  expect_refused(second, Status::kSystemException, "no_login_service",
                 "the service cannot take more; try again");
  EXPECT_EQ(failures(), std::vector<std::string>{"the login service cannot take more"});
  EXPECT_EQ(gateway_.gauge(GatewayGauge::kOutstanding), 1u);
  EXPECT_TRUE(first.connection->open());
}

// By that services know the newer of two channels: the last nine digits of an id sort as logins do.
TEST_F(LoginsPart, AChannelsIdSaysWhenItsLoginCame) {
  const auto number = [](const TestClient& client) {
    const std::string_view id = channel_of(*client.connection)->id();
    return std::string(id.substr(id.size() - 9));
  };
  const std::string first = number(logging_in());
  const std::string second = number(logging_in());
  EXPECT_LT(first, second);
  EXPECT_GT(first, "001000000") << "as no gateway has counted";
}

// Their low half stands for them in mail and in tables, where 0 is nobody's.
struct LoginNumber : LoginsPart {
  static GatewayOptions options() {
    GatewayOptions options = test::gateway_options();
    options.first_login = 0xFFF'FFFF'FFFF;  // in 2034
    return options;
  }
  LoginNumber() : LoginsPart(options()) {}
};

TEST_F(LoginNumber, SkipsThoseThatLookLikeNoLogin) {
  EXPECT_EQ(channel_of(*logging_in().connection)->login, 0xFFFF'FFFFu);
  EXPECT_EQ(channel_of(*logging_in().connection)->login, 1u);
}

}  // namespace
}  // namespace ringgate
