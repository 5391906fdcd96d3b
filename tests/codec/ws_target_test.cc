#include "codec/ws_target.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

TEST(WsTarget, PathOfATarget) {
  EXPECT_EQ(path_of_target("/a/b?c=/d"), "/a/b");
  EXPECT_EQ(path_of_target("http://h:1/a?b"), "/a");
  EXPECT_EQ(path_of_target("http://h?b"), "/");
  EXPECT_EQ(path_of_target("?b"), "/");
  EXPECT_EQ(path_of_target("*"), "*");
  EXPECT_EQ(path_of_target("/?http://h/a"), "/");
}

TEST(WsTarget, PathsThatMeanTheSameAreTheSame) {
  EXPECT_EQ(canonical_path("/ch%61t/%7ebob"), "/chat/~bob");
  EXPECT_EQ(canonical_path("/%e7%8e%8b"), "/%E7%8E%8B");
  EXPECT_EQ(canonical_path("/a%2fb%2A*"), "/a%2Fb%2A*");
  EXPECT_EQ(canonical_path("/{a}|\"^"), "/%7Ba%7D%7C%22%5E");
  EXPECT_EQ(canonical_path("/100%"), "/100%25");
  EXPECT_EQ(canonical_path("/%4"), "/%254");
  EXPECT_EQ(canonical_path("/%zz"), "/%25zz");
  for (const std::string_view path : {"/%e7%8e%8b", "/a%2fb", "/{a}", "/100%", "/ch%61t"}) {
    const std::string once = canonical_path(path);
    EXPECT_EQ(canonical_path(once), once);
  }
}

TEST(WsTarget, Matches) {
  EXPECT_TRUE(path_matches("/chat", "/chat"));
  EXPECT_TRUE(path_matches("/chat", "/ch%61t"));
  EXPECT_TRUE(path_matches("/ch%61t", "/chat"));
  EXPECT_TRUE(path_matches("/王", "/%e7%8e%8b"));
  for (const char* path : {"/", "/Chat", "/chat/", "/chat/x", "//chat", "/chat%2F", "chat", "*"}) {
    EXPECT_FALSE(path_matches("/chat", path)) << path;
  }
}

TEST(WsTarget, MatchesAnyPathAndAnyBelow) {
  for (const char* path : {"/", "/chat", "/a/b/c", "/%2a", "/*", "//"}) {
    EXPECT_TRUE(path_matches("/*", path)) << path;
  }
  EXPECT_FALSE(path_matches("/*", "*"));
  EXPECT_FALSE(path_matches("/*", "chat"));
  for (const char* path : {"/chat/", "/chat/x", "/chat/x/y", "/ch%61t/x"}) {
    EXPECT_TRUE(path_matches("/chat/*", path)) << path;
  }
  for (const char* path : {"/chat", "/chatter", "/", "/x/chat/", "/chat%2Fx"}) {
    EXPECT_FALSE(path_matches("/chat/*", path)) << path;
  }
}

}  // namespace
}  // namespace ringgate
