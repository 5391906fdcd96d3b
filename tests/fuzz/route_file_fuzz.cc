// Route files: refused with a sentence, or a table in which every slot has a zone.
#include <string>

#include "control/routing/route_file.h"
#include "tests/fuzz/fuzz_check.h"

using namespace ringgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = ZoneTable::parse(text);
  if (!table) {
    fuzz_check(!table.error().message.empty(), "an error without words");
    fuzz_check(table.error().exit_code == 2, "an error of usage has another code");
    return 0;
  }
  fuzz_check(!table->zones().empty(), "a table without zones");
  fuzz_check(table->slots() > 0 && table->slots() <= kMaxZoneSlots, "slots beyond their bound");
  for (const std::uint32_t slot : {0U, table->slots() / 2, table->slots() - 1}) {
    const std::size_t zone = table->zone_at(slot);
    fuzz_check(zone < table->zones().size(), "a slot without a zone");
    fuzz_check(table->zones()[zone].weight > 0, "a slot of a zone that has none");
  }
  const auto zone = table->whitelist_zone("kim");
  fuzz_check(!zone || *zone < table->zones().size(), "an app in a zone that is not there");
  return 0;
}
