#include "control/discovery/consul/json.h"

#include <gmock/gmock.h>

namespace ringgate {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ConsulJson, AHealthAnswerBecomesServices) {
  const auto found = consul::parse_health(R"([
    {"Node":{"Node":"n","Address":"10.0.0.9"},
     "Service":{"ID":"chat02","Service":"chat","Tags":["a","b"],"Address":"","Port":8102,
                "Meta":{"protocol":"tcp","zone":"z","lanes":"1"},"Weights":{"Passing":1}},
     "Checks":[{"Status":"passing"}]},
    {"Node":{"Address":"10.0.0.9"},
     "Service":{"ID":"chat01","Service":"chat","Tags":null,"Address":"10.0.0.1","Port":8101,
                "Meta":null}}])");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->services.size(), 2U);
  const Instance& first = found->services[0];
  EXPECT_EQ(first, (Instance{"chat01", "chat", "10.0.0.1", 8101, "tcp", "", {}, {}}));
  const Instance& second = found->services[1];
  EXPECT_EQ(
      second,
      (Instance{"chat02", "chat", "10.0.0.9", 8102, "tcp", "z", {"a", "b"}, {{"lanes", "1"}}}));
  EXPECT_TRUE(found->refused.empty());
}

TEST(ConsulJson, WhatCannotBeUsedIsRefusedInstanceByInstance) {
  const auto found = consul::parse_health(R"([
    {"Node":{"Address":"10.0.0.9"},"Service":{"ID":"a","Service":"c","Address":"10.0.0.1","Port":1}},
    {"Node":{"Address":"10.0.0.9"},"Service":{"ID":"b","Service":"c","Address":"10.0.0.2:2","Port":1}},
    {"Node":{"Address":"10.0.0.9"},"Service":{"ID":"d","Service":"c","Address":"http://x","Port":1}},
    {"Node":{"Address":"not a node"},"Service":{"ID":"e","Service":"c","Port":1}},
    {"Node":{"Address":"10.0.0.9"},"Service":{"ID":"f","Service":"c","Port":-1}},
    {"Node":{"Address":"10.0.0.9"},"Service":{"ID":"g","Service":"c","Port":70000}},
    {"Node":{"Address":"10.0.0.9"},"Service":{"ID":"h,i","Service":"c","Port":1}},
    {"Node":{"Address":"10.0.0.9"},"Service":{"ID":"j","Service":"c","Address":"[::1]","Port":1}}])");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->services.size(), 2U);
  EXPECT_EQ(found->services[0].id, "a");
  EXPECT_EQ(found->services[1].address, "::1");
  ASSERT_EQ(found->refused.size(), 6U);
  EXPECT_EQ(found->refused[0].id, "b");
  EXPECT_THAT(found->refused[0].why, HasSubstr("b: address \"10.0.0.2:2\" has a port in it"));
  EXPECT_THAT(found->refused[1].why, HasSubstr("scheme"));
  EXPECT_THAT(found->refused[2].why, HasSubstr("blank"));
  EXPECT_THAT(found->refused[3].why, HasSubstr("port"));
  EXPECT_THAT(found->refused[4].why, HasSubstr("port"));
  EXPECT_EQ(found->refused[5].id, "");
}

TEST(ConsulJson, WhatNobodyCanDialIsRefused) {
  const auto found = consul::parse_health(
      R"([{"Node":{"Address":"a"},"Service":{"ID":"x","Service":"c","Address":"0.0.0.0","Port":1}},
          {"Node":{"Address":"::"},"Service":{"ID":"y","Service":"c","Port":1}},
          {"Node":{"Address":"a"},"Service":{"ID":"z","Service":"c","Port":1}}])");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->services.size(), 1U);
  ASSERT_EQ(found->refused.size(), 2U);
  EXPECT_THAT(found->refused[0].why, HasSubstr("x: address \"0.0.0.0\" is an address that nobody"));
  EXPECT_EQ(found->refused[1].id, "y");
}

TEST(ConsulJson, AnIdAtTwoAgentsIsOneService) {
  const auto found = consul::parse_health(
      R"([{"Node":{"Address":"a"},"Service":{"ID":"x","Service":"chat","Port":1}},
          {"Node":{"Address":"b"},"Service":{"ID":"x","Service":"chat","Port":1}}])");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->services.size(), 1U);
  EXPECT_EQ(found->services[0].address, "a");
  ASSERT_EQ(found->refused.size(), 1U);
  EXPECT_THAT(found->refused[0].why, HasSubstr("x: it is registered at several agents"));
}

TEST(ConsulJson, WhatIsNotConsulsIsAnError) {
  for (const char* const json :
       {"", "null", "{}", "[null]", "[[]]", R"([{"Service":{"ID":"x","Service":"c","Port":1}}])",
        R"([{"Node": {}, "Service": {"ID": 1, "Service": "c", "Port": 1}}])",
        R"([{"Node": {}, "Service": {"ID": "x", "Service": "c", "Port": 1, "Tags": [1]}}])",
        R"([{"Node": {}, "Service": {"ID": "x", "Service": "c", "Port": 1, "Meta": {"a": 1}}}])"}) {
    EXPECT_FALSE(consul::parse_health(json)) << json;
  }
}

TEST(ConsulJson, ARegistrationSaysWhatTheContractWants) {
  Instance service{
      "gw01",     "tgateway",
      "10.0.0.1", 8001,
      "ws",       "",
      {"IDC:SH"}, {{"domain", "ws://a/\"b\""}, {"health_url", "http://10.0.0.1:9/health"}}};
  const std::string json = consul::format_registration(service, consul::Options{});
  EXPECT_EQ(json, R"({"ID": "gw01", "Name": "tgateway", "Address": "10.0.0.1", "Port": 8001, )"
                  R"("Tags": ["IDC:SH"], "Meta": {"domain": "ws://a/\"b\"", )"
                  R"("health_url": "http://10.0.0.1:9/health", "protocol": "ws"}, )"
                  R"("Check": {"CheckID": "gw01_normal", "Name": "gw01 /health", )"
                  R"("HTTP": "http://10.0.0.1:9/health", "Interval": "10s", "Timeout": "1s", )"
                  R"("DeregisterCriticalServiceAfter": "20s"}})");
  EXPECT_THAT(consul::format_registration(service, consul::Options{}, true),
              HasSubstr(R"("DeregisterCriticalServiceAfter": "20s", "Status": "passing"}})"));
  service.meta.erase("health_url");
  EXPECT_THAT(consul::format_registration(service, consul::Options{}), Not(HasSubstr("Check")));
}

TEST(ConsulUrl, IsSchemeHostAndPort) {
  EXPECT_EQ(consul::parse_url("localhost:8500").value(), "http://localhost:8500");
  EXPECT_EQ(consul::parse_url(":8500").value(), "http://127.0.0.1:8500");
  EXPECT_EQ(consul::parse_url("http://[::1]:8500/").value(), "http://[::1]:8500");
  EXPECT_EQ(consul::parse_url("HTTPS://consul.example:8501").value(),
            "https://consul.example:8501");
  for (const char* const bad : {"", "localhost", "http://localhost", "ftp://a:1", "a:0", "a:99999",
                                "http://a:1/path", "http://u@a:1", "http://a:1?x", "a b:1"}) {
    EXPECT_FALSE(consul::parse_url(bad)) << bad;
  }
}

}  // namespace
}  // namespace ringgate
