// The layout that services of other makes read, and the mail between a shard and a store's thread.
#include "services/store/layout.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

using namespace std::string_literals;

TEST(StoreLayoutTest, Keys) {
  EXPECT_EQ(session_key("g1_alice_1"), "login:sn:g1_alice_1");
  EXPECT_EQ(location_key("alice", "kim", "kim"), "login:loc:alice");
  EXPECT_EQ(location_key("alice", "", "kim"), "login:loc:alice");
  EXPECT_EQ(location_key("alice", "other", "kim"), "login:loc:other,alice");
  EXPECT_EQ(location_key("alice", "other", "*"), "login:loc:alice") << "all apps share accounts";
  EXPECT_EQ(location_key("alice", "kim", "*"), "login:loc:alice");
}

// Of a gateway that tells services that it lives; no other channel has a boot.
TEST(StoreLayoutTest, Boots) {
  const std::string unique =
      "0123456789"
      "00"
      "0000"
      "000000001";
  EXPECT_EQ(boot_key_of({"g1_alice_" + unique, "g1"}), "ringgate:boot:g1,0123456789");
  EXPECT_EQ(boot_key_of({"g1_a_b_" + unique, "g1"}), "ringgate:boot:g1,0123456789");
  EXPECT_FALSE(boot_key_of({"g1_alice_q" + unique.substr(1), "g1"}));
  EXPECT_FALSE(boot_key_of({"g2_alice_" + unique, "g1"}));
  EXPECT_FALSE(boot_key_of({"g1_alice_" + unique.substr(1), "g1"}));
  EXPECT_FALSE(boot_key_of({"g1_alice_" + unique.substr(1) + "w", "g1"}));
  EXPECT_FALSE(boot_key_of({"g1_alice" + unique, "g1"}));
  EXPECT_FALSE(boot_key_of({"g1_" + unique, "g1"}));
  EXPECT_FALSE(boot_key_of({"g1_alice_77", "g1"}));
}

TEST(StoreLayoutTest, Location) {
  const Location location{"g1_alice_1", "g1"};
  EXPECT_EQ(encode_location(location), "\0\x0Ag1_alice_1\0\x02g1"s);
  EXPECT_EQ(decode_location("\0\x0Ag1_alice_1\0\x02g1"s), location);
  const Location long_one{std::string(300, 'c'), "g"};
  EXPECT_EQ(encode_location(long_one).substr(0, 2), "\x01\x2C"s);
  EXPECT_EQ(decode_location(encode_location(long_one)), long_one);
}

TEST(StoreLayoutTest, WhatIsNoLocationIsNone) {
  const std::string good = encode_location({"channel", "gate"});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_location(good.substr(0, size))) << size;
  }
  EXPECT_FALSE(decode_location(good + "x"));
  EXPECT_FALSE(decode_location(encode_location({"one,two", "g1"})));
  EXPECT_FALSE(decode_location(encode_location({"one", "g1,g2"})));
  EXPECT_FALSE(decode_location(encode_location({"", "g1"})));
  EXPECT_FALSE(decode_location(encode_location({"one\ntwo", "g1"})));
}

}  // namespace
}  // namespace ringgate
