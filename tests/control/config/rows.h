// For every row of the table of keys another value that a file can give it, found by trying, so
// that a test over all rows needs no list of its own.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/config/keys.h"
#include "tests/common/temp_dir.h"

namespace ringgate::test {

// Keys to values, as a file has them.
using KeyValues = std::map<std::string, std::string>;
[[nodiscard]] std::string yaml_of(const KeyValues& values);

// Two files that differ in one key, and what is read from them.
struct Variation {
  KeyValues files_before;
  KeyValues files_after;
  Config before;
  Config after;
};

class Rows {
 public:
  Rows();

  // Nothing where no value that is tried is both valid and another one: add one to OtherValues, or
  // to a base what the key needs.
  [[nodiscard]] std::optional<Variation> variation(const ConfigKey& key, ProcessRole role) const;

 private:
  TempDir dir_;
  std::vector<std::string> files_;  // other ones than those of the bases
  std::vector<KeyValues> bases_;    // of a gateway
};

// Calls check(key, variation) for every row that has a value; a row without a variation is a
// failure. Ignored keys have none.
template <class Check>
void for_every_row(const Rows& rows, ProcessRole role, Check check) {
  for (const ConfigKey& key : config_keys()) {
    if (std::holds_alternative<IgnoredKey>(key.kind)) continue;
    const std::optional<Variation> variation = rows.variation(key, role);
    if (!variation) {
      ADD_FAILURE() << key.name << ": no other value is known that a " << role_name(role)
                    << " takes";
      continue;
    }
    check(key, *variation);
  }
}

}  // namespace ringgate::test
