// RedisURL: one text and a list of the file give the same URLs, and nothing of them gets lost.
#include "control/config/redis_urls.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

using Urls = std::vector<std::string>;

TEST(RedisUrls, OneTextIsTheListThatItMeans) {
  const auto of = [](std::string_view text) { return split_redis_urls(text).value_or(Urls{"-"}); };
  EXPECT_EQ(of(""), Urls{});
  EXPECT_EQ(of(" redis://a, redis://b"), (Urls{"redis://a", "redis://b"}));
  EXPECT_EQ(of("redis+cluster://:p@a, b:7 ,c"), Urls{"redis+cluster://:p@a,b:7,c"});
  // Where blanks are a password's, the store refuses them.
  EXPECT_EQ(of("redis+cluster://:p, w@a"), Urls{"redis+cluster://:p, w@a"});
  const Urls parts = {"redis+sentinel://a", "b/m"};
  EXPECT_EQ(join_redis_urls(parts).value_or(Urls{}), Urls{"redis+sentinel://a,b/m"});
}

TEST(RedisUrls, AnEmptyHostIsNoneAndNothingSecretIsSaid) {
  for (const char* const text :
       {"redis+sentinel://:hunter2@a,,b/m", "redis://:hunter2@a,", ",redis://:hunter2@a",
        "redis+cluster://:hunter2@a, ,b", "hunter2@a", ","}) {
    const auto urls = split_redis_urls(text);
    ASSERT_FALSE(urls) << text;
    EXPECT_EQ(urls.error().exit_code, 2);
    EXPECT_FALSE(urls.error().message.contains("hunter2")) << urls.error().message;
  }
  EXPECT_FALSE(join_redis_urls({"redis+cluster://a", "", "b"}));
}

}  // namespace
}  // namespace ringgate
