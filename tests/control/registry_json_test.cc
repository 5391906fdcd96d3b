#include "control/registry_json.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

TEST(RegistryJson, ReadsEveryField) {
  const auto services = parse_services(R"({"services":[
    {"id":"chat02","name":"chat","address":"::1","port":8102},
    {"id":"chat01","name":"chat","address":"127.0.0.1","port":8101,"protocol":"tcp",
     "zone":"zone_a","tags":["IDC:SH","b"],"meta":{"lanes":"1","domain":"x"}}]})");
  ASSERT_TRUE(services) << services.error().message;
  ASSERT_EQ(services->size(), 2U);
  const Service& full = (*services)[0];  // Sorted by id.
  EXPECT_EQ(full.id, "chat01");
  EXPECT_EQ(full.address, "127.0.0.1");
  EXPECT_EQ(full.port, 8101);
  EXPECT_EQ(full.zone, "zone_a");
  EXPECT_EQ(full.tags, (std::vector<std::string>{"IDC:SH", "b"}));
  EXPECT_EQ(full.meta.at("domain"), "x");
  EXPECT_TRUE(full.lanes());
  const Service& small = (*services)[1];
  EXPECT_EQ(small.protocol, "tcp");
  EXPECT_FALSE(small.lanes());
  EXPECT_TRUE(parse_services(R"({"services":[]})")->empty());
}

TEST(RegistryJson, FormatParsesBack) {
  Service service{"chat01", "chat", "host \"x\\", 1, "ws", "z\xc3\xa9", {"a", "b"}, {{"k\n", "v"}}};
  Service plain{"chat02", "chat", "h", 65535, "tcp", "", {}, {}};
  const auto back = parse_services(format_services({service, plain}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, (std::vector<Service>{service, plain}));
  EXPECT_TRUE(parse_services(format_services({}))->empty());
}

struct BadText {
  const char* json;
  const char* said;
};

TEST(RegistryJson, SaysWhatIsWrong) {
  const BadText cases[] = {
      {"", "is empty"},
      {"{", "not valid JSON"},
      {"[]", "expected"},
      {"{}", "expected"},
      {R"({"services":{}})", "expected"},
      {R"({"services":[],"extra":1})", "extra"},
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
  };
  for (const BadText& bad : cases) {
    const auto services = parse_services(bad.json);
    ASSERT_FALSE(services) << bad.json;
    EXPECT_NE(services.error().message.find(bad.said), std::string::npos)
        << bad.json << ": " << services.error().message;
    EXPECT_EQ(services.error().message.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace ringgate
