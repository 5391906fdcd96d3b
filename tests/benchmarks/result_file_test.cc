#include "benchmarks/ringbench/result_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "control/base/unique_fd.h"
#include "tests/common/temp_dir.h"

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

TEST(ResultFile, APipeThatNobodyReadsIsASentence) {
  const TempDir folder;
  const std::string path = (folder.path() / "pipe").string();
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(check_result_file("--json", path)) << "its reader may come later";
  const auto written = write_result_file("--json", path, "new");
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("nobody reads there"));
  EXPECT_THAT(written.error().message, HasSubstr("--json"));
}

// More than a pipe holds: it is waited for.
TEST(ResultFile, APipeIsWrittenToTheEnd) {
  const TempDir folder;
  const std::string path = (folder.path() / "pipe").string();
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const UniqueFd reader(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(fcntl(reader.get(), F_SETFL, O_RDONLY), 0);
  const std::string text(1'000'000, 'x');
  bool written = false;
  std::thread writer([&] { written = write_result_file("--json", path, text).has_value(); });
  std::string got(text.size(), '\0');
  std::size_t size = 0;
  ssize_t more = 0;
  do {  // nothing is read as long as nobody writes: the writer has not come yet, or has gone
    more = read(reader.get(), got.data() + size, got.size() - size);
    if (more > 0) size += static_cast<std::size_t>(more);
  } while (size < got.size() && (more > 0 || size == 0));
  writer.join();
  EXPECT_TRUE(written);
  EXPECT_EQ(size, text.size());
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
