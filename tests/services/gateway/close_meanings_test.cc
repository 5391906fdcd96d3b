// What the documentation says of why connections end is what the code says.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <span>
#include <string>

#include "control/base/text_file.h"
#include "services/gateway/log/close_level.h"
#include "services/logic/close_meaning.h"

namespace ringgate {
namespace {

template <class Reason>
void add_rows(std::span<const CloseMeaning<Reason>> rows, std::string& table) {
  for (const CloseMeaning<Reason>& row : rows) {
    if (CloseReason(row.reason) == CloseReason()) continue;
    table += "| `" + std::string(describe(row.reason).name) + "` | " +
             std::string(log_level_name(row.level)) + " | " + std::string(row.by) + " | " +
             std::string(row.meaning) + " |\n";
  }
}

std::string table_of_closes() {
  std::string table = "| Reason | Log | Who ended it | What it means |\n|---|---|---|---|\n";
  add_rows(meanings_of_shard_closes(), table);
  add_rows(meanings_of_gateway_closes(), table);
  add_rows(std::span<const CloseMeaning<LogicClose>>(kLogicCloseMeanings), table);
  return table;
}

TEST(CloseMeanings, AreInTheDocumentation) {
  const std::string file = std::string(RINGGATE_SOURCE) + "/docs/observability.md";
  const std::string text = read_text_file(file, 1 << 20).value();
  const std::size_t begin = text.find('\n', text.find("<!-- closes:")) + 1;
  const std::size_t end = text.find("<!-- end of closes");
  ASSERT_LE(begin, end);
  ASSERT_NE(end, std::string::npos);
  const std::string table = table_of_closes();
  if (std::getenv("RINGGATE_WRITE_DOCS") != nullptr) {
    std::ofstream(file) << text.substr(0, begin) << table << text.substr(end);
    return;
  }
  EXPECT_EQ(text.substr(begin, end - begin), table)
      << "run this test with RINGGATE_WRITE_DOCS=1 and look at what it changed";
}

// Each reason's level is that of its own row, not of one beside it.
template <class Reason>
void expect_levels(std::span<const CloseMeaning<Reason>> rows) {
  for (const CloseMeaning<Reason>& row : rows) {
    EXPECT_EQ(close_level(row.reason), row.level) << describe(row.reason).name;
  }
}

TEST(CloseMeanings, AreFoundByTheirReason) {
  expect_levels(meanings_of_shard_closes());
  expect_levels(meanings_of_gateway_closes());
  EXPECT_EQ(close_level(CloseReason::at(CloseReason::kMost - 1)), LogLevel::kDebug);
}

}  // namespace
}  // namespace ringgate
