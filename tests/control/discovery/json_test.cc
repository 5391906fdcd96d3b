#include "control/discovery/json.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

TEST(RegistryJson, ReadsEveryField) {
  const auto services = parse_services(R"({"services":[
    {"id":"chat02","name":"chat","address":"::1","port":8102},
    {"id":"chat01","name":"chat","address":"127.0.0.1","port":8101,"protocol":"tcp",
     "zone":"zone_a","tags":["IDC:SH","b"],"meta":{"lanes":"1","domain":"x"}}]})");
  ASSERT_TRUE(services) << services.error().message;
  ASSERT_EQ(services->services.size(), 2U);
  EXPECT_TRUE(services->refused.empty());
  const Instance& full = services->services[0];  // Sorted by id.
  EXPECT_EQ(full.id, "chat01");
  EXPECT_EQ(full.address, "127.0.0.1");
  EXPECT_EQ(full.port, 8101);
  EXPECT_EQ(full.zone, "zone_a");
  EXPECT_EQ(full.tags, (std::vector<std::string>{"IDC:SH", "b"}));
  EXPECT_EQ(full.meta.at("domain"), "x");
  EXPECT_TRUE(full.lanes());
  const Instance& small = services->services[1];
  EXPECT_EQ(small.protocol, "tcp");
  EXPECT_FALSE(small.lanes());
  EXPECT_TRUE(parse_services(R"({"services":[]})")->services.empty());
}

TEST(RegistryJson, FormatParsesBack) {
  Instance service{"chat01", "chat", "host.x", 1, "ws", "z\xc3\xa9", {"a", "b"}, {{"k\n", "v"}}};
  Instance plain{"chat02", "chat", "h", 65535, "tcp", "", {}, {}};
  const auto back = parse_services(format_services({service, plain}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->services, (std::vector<Instance>{service, plain}));
  EXPECT_TRUE(parse_services(format_services({}))->services.empty());
}

struct BadText {
  const char* json;
  const char* said;
};

TEST(RegistryJson, SaysWhatIsWrongWithTheWhole) {
  const BadText cases[] = {
      {"", "is empty"},
      {"{", "not valid JSON"},
      {"[]", "expected"},
      {"{}", "expected"},
      {R"({"services":{}})", "expected"},
      {R"({"services":[],"extra":1})", "extra"},
      {R"({"services":[],"services":[{"id":"a","name":"b","address":"c","port":1}]})", "twice"},
  };
  for (const BadText& bad : cases) {
    const auto list = parse_services(bad.json);
    ASSERT_FALSE(list) << bad.json;
    EXPECT_NE(list.error().message.find(bad.said), std::string::npos)
        << bad.json << ": " << list.error().message;
  }
}

TEST(RegistryJson, RefusesEntryByEntryAndSaysWhy) {
  const BadText cases[] = {
      {R"({"services":[1]})", "service 1: is not an object"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"weight":3}]})", "weight"},
      {R"({"services":[{"name":"b","address":"c","port":1}]})", "id"},
      {R"({"services":[{"id":"a","address":"c","port":1}]})", "name"},
      {R"({"services":[{"id":"a","name":"b","port":1}]})", "address"},
      {R"({"services":[{"id":"a","name":"b","address":"c"}]})", "port"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":0}]})", "port"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":65536}]})", "port"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":"1"}]})", "port"},
      {R"({"services":[{"id":"a,b","name":"b","address":"c","port":1}]})", "id \"a,b\""},
      {R"({"services":[{"id":"a","name":"b","address":"c\n","port":1}]})", "control"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"protocol":"udp"}]})",
       "protocol"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"tags":"x"}]})", "tags"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"tags":[1]}]})", "tag"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"meta":{"l":1}}]})", "meta"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1},
                       {"id":"a","name":"x","address":"c","port":2}]})",
       "twice"},
      {R"({"services":[{"id":"a","name":"b","address":"127.0.0.1:9582","port":1}]})",
       "service 1: a: address \"127.0.0.1:9582\" has a port in it"},
      {R"({"services":[{"id":"a","name":"b","address":"tcp://h","port":1}]})", "scheme"},
      {R"({"services":[{"id":"a","name":"b","address":" h","port":1}]})", "blank"},
      {R"({"services":[{"id":"a","name":"b","address":"[h]","port":1}]})", "brackets"},
      {R"({"services":[{"id":"a","name":"b","address":"0.0.0.0","port":1}]})",
       "a: address \"0.0.0.0\" is an address that nobody can dial"},
      {R"({"services":[{"id":"a","name":"b","address":"[::]","port":1}]})", "nobody can dial"},
      {R"({"services":[{"id":"a","name":"b","address":"-","port":1}]})", "not a name"},
      {R"({"services":[{"id":"a","name":"b","address":"0x7f000001","port":1}]})", "IPv4"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"port":2}]})",
       "service 1 (a): key \"port\" is there twice"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"id":"d"}]})",
       "service 1: key \"id\" is there twice"},
      {R"({"services":[{"id":"a","name":"b","address":"c","port":1,"meta":{"l":"1","l":"2"}}]})",
       "meta has \"l\" twice"},
  };
  for (const BadText& bad : cases) {
    const auto list = parse_services(bad.json);
    ASSERT_TRUE(list) << bad.json;
    EXPECT_TRUE(list->services.empty()) << bad.json;
    ASSERT_FALSE(list->refused.empty()) << bad.json;
    const std::string& why = list->refused.front().why;
    EXPECT_NE(why.find(bad.said), std::string::npos) << bad.json << ": " << why;
    EXPECT_EQ(why.find('\n'), std::string::npos);
  }
}

TEST(RegistryJson, OneMistakeCostsNobodyElse) {
  const auto list = parse_services(R"({"services":[
    {"id":"c","name":"chat","address":"[fd00::7]","port":3},
    {"id":"b","name":"chat","address":"h","port":"2"},
    {"idd":"x","name":"chat","address":"h","port":4},
    {"id":"a","name":"chat","address":"h","port":1}]})");
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->services.size(), 2U);
  EXPECT_EQ(list->services[0].id, "a");
  EXPECT_EQ(list->services[1].address, "fd00::7") << "without its brackets";
  ASSERT_EQ(list->refused.size(), 2U);
  EXPECT_EQ(list->refused[0].id, "b");
  EXPECT_NE(list->refused[0].why.find("service 2 (b): "), std::string::npos)
      << list->refused[0].why;
  EXPECT_EQ(list->refused[1].id, "");
  // Who writes the file keeps them as they are.
  const auto back = parse_services(format_services(list->services, list->refused));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->services, list->services);
  ASSERT_EQ(back->refused.size(), 2U);
  EXPECT_EQ(back->refused[0].json, R"({"id":"b","name":"chat","address":"h","port":"2"})");
}

}  // namespace
}  // namespace ringgate
