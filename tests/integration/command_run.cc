#include "tests/integration/command_run.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace ringgate::test {

Ended run(const std::vector<std::string>& arguments) {
  ProcessUnderTest process(ProcessUnderTest::ringgate(arguments));
  process.close_stdin();
  const int code = process.wait_exit();
  return {code, process.whole_output()};
}

std::vector<std::string> limited(const std::string& flag, const std::string& value,
                                 const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"sh", "-c",
                                    "ulimit " + flag + " " + value + " && exec \"$0\" \"$@\""};
  for (std::string& word : ProcessUnderTest::ringgate(arguments)) words.push_back(std::move(word));
  return words;
}

Ended run_limited(const std::string& flag, const std::string& value,
                  const std::vector<std::string>& arguments) {
  ProcessUnderTest process(limited(flag, value, arguments));
  process.close_stdin();
  const int code = process.wait_exit();
  return {code, process.whole_output()};
}

void expect_one_line(const Ended& ended) {
  EXPECT_EQ(std::ranges::count(ended.output, '\n'), 1) << ended.output;
  EXPECT_TRUE(ended.output.starts_with("ringgate: ")) << ended.output;
}

void PrintTo(const BadConfig& bad, std::ostream* to) {
  *to << bad.name;
}

void expect_refused(const BadConfig& bad) {
  const World world;
  const std::string file = world.config(bad.role, "x1", bad.settings);
  for (const bool only_check : {false, true}) {
    std::vector<std::string> arguments = {bad.role, "-c", file};
    if (only_check) arguments.emplace_back("--check-config");
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 2);
    expect_one_line(ended);
    for (const std::string& text : bad.says) {
      EXPECT_THAT(ended.output, testing::HasSubstr(text));
    }
  }
}

}  // namespace ringgate::test
