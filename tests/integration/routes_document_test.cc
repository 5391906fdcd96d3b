// docs/routes.md: its files are good for what it says, and its commands print what it shows.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/common/temp_dir.h"
#include "tests/integration/process.h"

namespace ringgate::test {
namespace {

// A block between fences: what it is, and its text.
struct Sample {
  std::string kind;  // "json zones.json", "console"
  std::string text;
};

std::vector<Sample> samples() {
  std::ifstream file(RINGGATE_SOURCE "/docs/routes.md");
  std::vector<Sample> all;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) all.push_back({line.substr(3), {}});
    } else if (inside) {
      all.back().text += line + "\n";
    }
  }
  return all;
}

// What the command prints in that folder, on either stream.
std::string printed_by(const std::string& command, const TempDir& folder) {
  const std::string program = ProcessUnderTest::ringgate({}).front();
  const std::string words = program + command.substr(std::string("ringgate").size());
  ProcessUnderTest process({"sh", "-c", "cd " + folder.path().string() + " && exec " + words});
  process.close_stdin();
  const std::string output = process.whole_output();
  process.wait_exit();
  return output;
}

TEST(RoutesDocument, EachSampleIsWhatItSays) {
  const TempDir folder;
  int commands = 0;
  for (const Sample& sample : samples()) {
    if (sample.kind != "console") {
      folder.write(sample.kind.substr(sample.kind.find(' ') + 1), sample.text);
      continue;
    }
    const std::size_t end = sample.text.find('\n');
    ASSERT_TRUE(sample.text.starts_with("$ ringgate ")) << sample.text;
    const std::string command = sample.text.substr(2, end - 2);
    EXPECT_EQ(printed_by(command, folder), sample.text.substr(end + 1)) << command;
    ++commands;
  }
  EXPECT_GE(commands, 6);
}

}  // namespace
}  // namespace ringgate::test
