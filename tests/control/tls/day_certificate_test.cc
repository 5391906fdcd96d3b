#include "control/tls/day_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>

#include "control/tls/certificate.h"
#include "tests/common/temp_dir.h"

namespace ringgate::tls {
namespace {

using ::testing::Contains;
using ::testing::MatchesRegex;

TEST(DayCertificate, IsMadeForThisMachineAndItsOwnerAlone) {
  const test::TempDir folder;
  const std::time_t now = std::time(nullptr);
  const auto day = day_certificate(folder.path() / "tls", now);
  ASSERT_TRUE(day) << day.error().message;
  EXPECT_THAT(day->sha256, MatchesRegex("([0-9A-F][0-9A-F]:)+[0-9A-F][0-9A-F]"));
  struct stat key{};
  ASSERT_EQ(stat(day->key_file.c_str(), &key), 0);
  EXPECT_EQ(key.st_mode & 0777U, 0600U);
  const auto loaded = load_certificate(day->file, day->key_file, now);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->names, Contains("localhost"));
  X509* const one = loaded->chain.front().get();
  EXPECT_EQ(X509_check_ip_asc(one, "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(one, "::1", 0), 1);
  EXPECT_FALSE(load_certificate(day->file, day->key_file, now + 25 * 3600)) << "it is for a day";
}

TEST(DayCertificate, OfTheDayIsUsedAgainAndOneWithoutItsKeyIsNot) {
  const test::TempDir folder;
  const std::time_t now = std::time(nullptr);
  const auto first = day_certificate(folder.path(), now);
  ASSERT_TRUE(first) << first.error().message;
  const auto again = day_certificate(folder.path(), now);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sha256, first->sha256);
  std::filesystem::remove(first->key_file);
  const auto other = day_certificate(folder.path(), now);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_NE(other->sha256, first->sha256) << "its key was lost";
}

TEST(DayCertificate, ThatEndsSoonIsMadeAnew) {
  const test::TempDir folder;
  const std::time_t now = std::time(nullptr);
  const auto first = day_certificate(folder.path(), now);
  ASSERT_TRUE(first) << first.error().message;
  const auto soon = load_certificate(first->file, first->key_file, now)->renew_at;
  EXPECT_EQ(day_certificate(folder.path(), soon - 1)->sha256, first->sha256);
  EXPECT_NE(day_certificate(folder.path(), soon)->sha256, first->sha256);
}

TEST(DayCertificate, AFolderThatCannotBeIsTold) {
  const test::TempDir folder;
  folder.write("file", "");
  const auto day = day_certificate(folder.path() / "file" / "tls", std::time(nullptr));
  ASSERT_FALSE(day);
  EXPECT_EQ(day.error().exit_code, 1);
}

}  // namespace
}  // namespace ringgate::tls
