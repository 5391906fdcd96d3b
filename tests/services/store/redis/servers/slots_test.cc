// Which slot of a cluster a key is in, and what its servers say of slots.
#include "services/store/redis/servers/slots.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

// As a real cluster has them (CLUSTER KEYSLOT), and the specification's check value.
TEST(RedisSlots, OfKeys) {
  EXPECT_EQ(redis_slot("123456789"), 0x31c3);
  EXPECT_EQ(redis_slot("foo"), 12182);
  EXPECT_EQ(redis_slot("{foo}bar"), 12182);
  EXPECT_EQ(redis_slot("a{foo}{bar}"), 12182);
  EXPECT_EQ(redis_slot("a{}foo"), redis_slot("a{}foo"));
  EXPECT_NE(redis_slot("a{}foo"), redis_slot("a{}bar")) << "empty braces are part of the key";
  EXPECT_NE(redis_slot("a{foo"), redis_slot("b{foo"));
}

TEST(RedisSlots, Redirects) {
  const auto moved = read_redis_redirect("MOVED 3999 127.0.0.1:6381", "asked");
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->is_moved);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->server, (Endpoint{"127.0.0.1", 6381}));
  const auto ask = read_redis_redirect("ASK 1 ::1:6381", "asked");
  ASSERT_TRUE(ask);
  EXPECT_FALSE(ask->is_moved);
  EXPECT_EQ(ask->server, (Endpoint{"::1", 6381}));
  EXPECT_EQ(read_redis_redirect("MOVED 1 :6381", "asked")->server, (Endpoint{"asked", 6381}));
  for (const char* const other :
       {"", "MOVED", "MOVED ", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED 1 a",
        "MOVED 1 a:", "MOVED 1 a:0", "MOVED 1 a:65536", "ASK 1 a:x",
        "CLUSTERDOWN Hash slot not served"}) {
    EXPECT_FALSE(read_redis_redirect(other, "asked")) << other;
  }
}

}  // namespace
}  // namespace ringgate
