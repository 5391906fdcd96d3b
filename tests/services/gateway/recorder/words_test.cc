// What the documentation says of the flight recorder's events is what the code says.
#include "services/gateway/recorder/words.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "control/base/text_file.h"

namespace ringgate {
namespace {

std::string table_of_events() {
  std::string table = "| Event | Meaning |\n|---|---|\n";
  for (const EventName& event : kNamesOf<EventKind>) {
    table += "| `" + std::string(event.name) + "` | " + std::string(event.help) + " |\n";
  }
  table += "\n| Why, or by whom | Meaning |\n|---|---|\n";
  for (const WhyName& why : kNamesOf<EventWhy>) {
    if (why.words.empty()) continue;
    table += "| `" + std::string(why.name) + "` | " + std::string(why.words) + " |\n";
  }
  return table;
}

TEST(RecorderEvents, AreExplainedInTheDocumentation) {
  const std::string file = std::string(RINGGATE_SOURCE) + "/docs/observability.md";
  const std::string text = read_text_file(file, 1 << 20).value();
  const std::size_t begin = text.find('\n', text.find("<!-- events:")) + 1;
  const std::size_t end = text.find("<!-- end of events");
  ASSERT_LE(begin, end);
  const std::string table = table_of_events();
  if (std::getenv("RINGGATE_WRITE_DOCS") != nullptr) {
    std::ofstream(file) << text.substr(0, begin) << table << text.substr(end);
    return;
  }
  EXPECT_EQ(text.substr(begin, end - begin), table)
      << "run this test with RINGGATE_WRITE_DOCS=1 and look at what it changed";
}

// A value that a newer or an older process wrote is told, not followed out of a table.
TEST(RecorderEvents, HaveWordsWhateverIsInThem) {
  const EventWords words;
  for (unsigned kind = 0; kind < index_of(EventKind::kEnd); ++kind) {
    for (unsigned detail = 0; detail < 256; ++detail) {
      const Event event(static_cast<EventKind>(kind), static_cast<std::uint8_t>(detail), 1'500'000,
                        7, 999);
      EXPECT_FALSE(describe(event, words).empty());
    }
  }
}

TEST(RecorderEvents, TimesAreOfTheWallClock) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(1'795'800'001'000'042), "2026-11-27T17:20:01.000042Z");
}

}  // namespace
}  // namespace ringgate
