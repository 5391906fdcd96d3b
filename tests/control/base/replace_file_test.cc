#include "control/base/replace_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/common/temp_dir.h"

namespace ringgate {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ReplaceFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::string text() const {
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] unsigned mode() const {
    return static_cast<unsigned>(fs::status(file_).permissions());
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      all.push_back(entry.path().filename());
    }
    return all;
  }

  test::TempDir folder_;
  fs::path file_ = folder_.path() / "file";
};

TEST_F(ReplaceFileTest, ANewOneHasTheModeAndAnOldOneMayKeepItsOwn) {
  ASSERT_TRUE(replace_file(file_, "one", {.mode = 0600}));
  EXPECT_EQ(text(), "one");
  EXPECT_EQ(mode(), 0600U);
  fs::permissions(file_, fs::perms(0640));
  ASSERT_TRUE(replace_file(file_, "", {.mode = 0600, .keeps_mode = true, .is_durable = true}));
  EXPECT_EQ(text(), "");
  EXPECT_EQ(mode(), 0640U);
  ASSERT_TRUE(replace_file(file_, "three", {.mode = 0600}));
  EXPECT_EQ(mode(), 0600U);
  EXPECT_THAT(names(), ElementsAre("file"));
}

TEST_F(ReplaceFileTest, OneThatFailsLeavesNothing) {
  fs::create_directories(file_ / "in the way");
  const Result<void> failed = replace_file(file_, "text", {.is_durable = true});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("directory"));
  EXPECT_THAT(names(), ElementsAre("file"));
  EXPECT_FALSE(replace_file(folder_.path() / "no" / "such", "text", {}));
}

TEST_F(ReplaceFileTest, WhoReadsSeesOneOrTheOther) {
  const std::string one(100'000, '1');
  const std::string two(50'000, '2');
  ASSERT_TRUE(replace_file(file_, one, {}));
  std::atomic<bool> is_over{false};
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(replace_file(file_, i % 2 == 0 ? two : one, {}));
    }
    is_over = true;
  });
  while (!is_over) {
    const std::string now = text();
    EXPECT_TRUE(now == one || now == two) << now.size();
  }
  writer.join();
}

}  // namespace
}  // namespace ringgate
