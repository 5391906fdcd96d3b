#include "benchmarks/ringbench/result_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/control/temp_dir.h"

namespace ringgate::bench {
namespace {

using test::TempDir;
using testing::HasSubstr;

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::size_t files_in(const TempDir& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST(ResultFile, AskingDoesNotTouchTheOldOne) {
  const TempDir folder;
  const auto path = folder.path() / "run.json";
  std::ofstream(path) << "of yesterday";
  EXPECT_TRUE(check_result_file("--json", path.string()));
  EXPECT_EQ(text_of(path), "of yesterday");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(ResultFile, IsReplacedByTheWholeNewOne) {
  const TempDir folder;
  const auto path = folder.path() / "run.json";
  std::ofstream(path) << "of yesterday, and longer";
  ASSERT_TRUE(write_result_file("--json", path.string(), "new"));
  EXPECT_EQ(text_of(path), "new");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(ResultFile, ALinkStaysALink) {
  const TempDir folder;
  std::ofstream(folder.path() / "target") << "old";
  std::filesystem::create_symlink(folder.path() / "target", folder.path() / "link");
  ASSERT_TRUE(write_result_file("--json", (folder.path() / "link").string(), "new"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "link"));
  EXPECT_EQ(text_of(folder.path() / "target"), "new");
}

TEST(ResultFile, ADeviceIsWrittenTo) {
  EXPECT_TRUE(check_result_file("--json", "/dev/null"));
  EXPECT_TRUE(write_result_file("--json", "/dev/null", "new"));
  struct stat status{};
  ASSERT_EQ(stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST(ResultFile, WhatCannotBeWrittenNamesItsFlag) {
  const TempDir folder;
  for (const std::string& path : {std::string("/no/such/folder/x.html"), folder.path().string()}) {
    const auto checked = check_result_file("--html", path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().exit_code, 2);
    EXPECT_THAT(checked.error().message, HasSubstr("--html"));
    EXPECT_FALSE(write_result_file("--html", path, "new"));
  }
  EXPECT_TRUE(check_result_file("--html", ""));
  EXPECT_TRUE(check_result_file("--html", std::string(kStandardOutput)));
}

}  // namespace
}  // namespace ringgate::bench
