#include "control/base/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace ringgate {
namespace {

TEST(Address, ParsesWhatPeopleWrite) {
  EXPECT_EQ(parse_endpoint("localhost:80").value(), (Endpoint{"localhost", 80}));
  EXPECT_EQ(parse_endpoint("127.0.0.1:0").value(), (Endpoint{"127.0.0.1", 0}));
  EXPECT_EQ(parse_endpoint(":8000").value(), (Endpoint{"", 8000}));
  EXPECT_EQ(parse_endpoint("[::1]:65535").value(), (Endpoint{"::1", 65535}));
  EXPECT_EQ(parse_endpoint("[::]:1").value(), (Endpoint{"::", 1}));
  for (const char* const name : {"1.example.com", "10-0-0-1", "0xfg", "a.", "chat.1"}) {
    EXPECT_EQ(parse_endpoint(name + std::string(":80")).value(), (Endpoint{name, 80}));
  }
}

TEST(Address, RefusesTheRest) {
  for (const char* text : {"",
                           "localhost",
                           "localhost:",
                           "localhost:65536",
                           "localhost:-1",
                           "localhost:http",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[]:80",
                           "[localhost]:80",
                           "[127.0.0.1]:80",
                           "a b:80",
                           "a/b:80",
                           "a,b:80",
                           "127.0.0.1:80 ",
                           "[::1:80",
                           "::1]:80",
                           "host:0x10",
                           "host:+1",
                           "127.1:80",
                           "127.0.0.1.:80",
                           "127..0.1:80",
                           "0x7f.1:80",
                           "0x7f.1.:80",
                           "0X7F000001:80",
                           "2130706433:80",
                           "0177.0.0.1:80",
                           "127.0.0.256:80",
                           "127.0.0.1.1:80",
                           ".:80",
                           "0:80"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
  EXPECT_FALSE(parse_endpoint(std::string(300, 'a') + ":80"));
}

TEST(Address, FormatIsTheInverseOfParse) {
  for (const char* text : {"localhost:80", ":8000", "[::1]:80", "10.0.0.1:0"}) {
    EXPECT_EQ(format_endpoint(parse_endpoint(text).value()), text);
  }
  EXPECT_EQ(format_endpoint({"::ffff:10.1.2.3", 7}), "10.1.2.3:7");
}

TEST(Address, NumericNeedsNoNameServer) {
  const auto v4 = numeric_address({"10.1.2.3", 80});
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->family(), AF_INET);
  EXPECT_EQ(v4->length, sizeof(sockaddr_in));
  EXPECT_EQ(format_address(*v4), "10.1.2.3:80");

  const auto v6 = numeric_address({"2001:db8::1", 443});
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->length, sizeof(sockaddr_in6));
  EXPECT_EQ(format_address(*v6), "[2001:db8::1]:443");

  const auto all = numeric_address({"", 8000});
  ASSERT_TRUE(all);
  EXPECT_EQ(format_address(*all), "[::]:8000");

  EXPECT_FALSE(numeric_address({"localhost", 80}));
  EXPECT_FALSE(numeric_address({"fe80::1%no-such-interface", 80}));
  EXPECT_TRUE(numeric_address({"fe80::1%lo", 80}));
}

TEST(Address, AHostIsANameOrAnAddressWithoutAnythingElse) {
  for (const char* const good : {"chat", "chat-1.example.com", "chat_1", "10.0.0.1", "::1",
                                 "fd00::7", "fe80::1%no-such-interface", "10-0-0-1", "a."}) {
    EXPECT_EQ(parse_host(good).value(), good);
  }
  EXPECT_EQ(parse_host("[fd00::7]").value(), "fd00::7");
  const std::pair<std::string, const char*> bad[] = {
      {"", "missing"},         {std::string(254, 'a'), "longer"},
      {"a b", "blank"},        {" a", "blank"},
      {"a\n", "control"},      {"http://a", "scheme"},
      {"tcp://a:1", "scheme"}, {"127.0.0.1:9582", "port"},
      {"chat:1", "port"},      {":1", "port"},
      {"[::1]:80", "port"},    {"[]", "brackets"},
      {"[chat]", "brackets"},  {"[127.0.0.1]", "brackets"},
      {"[::1]x", "brackets"},  {"[::1", "IPv6"},
      {"::1]", "IPv6"},        {"a:b:c", "IPv6"},
      {"a/b", "name"},         {"a,b", "name"},
      {"a@b", "name"},         {"caf\xc3\xa9", "name"},
      {"10.0.0.256", "IPv4"},  {"10.0.0", "IPv4"},
      {"0x7f000001", "IPv4"},  {"127.1", "IPv4"},
      {"2130706433", "IPv4"},  {"0x7f.0.0.1", "IPv4"},
      {"127.0.0.1.", "IPv4"},  {"0x7f.1.", "IPv4"},
      {"-", "name"},           {"._-", "name"},
  };
  for (const auto& [text, why] : bad) {
    const auto host = parse_host(text);
    ASSERT_FALSE(host) << text;
    EXPECT_NE(host.error().message.find(why), std::string::npos)
        << text << ": " << host.error().message;
  }
}

TEST(Address, NobodyDialsAWildcardAGroupOrEverybody) {
  for (const char* const bad :
       {"0.0.0.0", "0.0.0.1", "::", "255.255.255.255", "224.0.0.1", "239.255.255.255", "ff02::1",
        "ff02::1%lo", "::ffff:0.0.0.0", "::ffff:224.0.0.1"}) {
    EXPECT_FALSE(check_dialable(bad)) << bad;
  }
  for (const char* const good : {"chat", "127.0.0.1", "1.0.0.0", "223.255.255.255", "240.0.0.1",
                                 "::1", "fd00::7", "fe80::1%lo", "::ffff:10.0.0.1"}) {
    EXPECT_TRUE(check_dialable(good)) << good;
  }
}

TEST(Address, MappedPeersArePrintedAsV4) {
  const auto mapped = numeric_address({"::ffff:192.168.0.1", 9});
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->family(), AF_INET6);
  EXPECT_EQ(format_host(mapped->get()), "192.168.0.1");
  EXPECT_EQ(format_address(*mapped), "192.168.0.1:9");
  sockaddr_storage other{};
  other.ss_family = AF_UNIX;
  EXPECT_EQ(format_host(reinterpret_cast<const sockaddr*>(&other)), "");
}

}  // namespace
}  // namespace ringgate
