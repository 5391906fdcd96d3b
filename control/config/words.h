// Words that values of several keys are made of. The messages say what is wrong with the word. Pure
// functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "control/base/error.h"
#include "dataplane/address_range.h"

namespace ringgate {

// What a message may quote: `text`, or "?" where it has control characters in it. A view of `text`:
// no std::string may come in between.
[[nodiscard]] std::string_view quotable(std::string_view text);

// KEY=VALUE or KEY: VALUE, each without blanks around it, and without the braces of a map around it
// or a part of it; a word without any of these has an empty value.
[[nodiscard]] std::pair<std::string, std::string> split_pair(std::string text);

// Of a service, or its id.
[[nodiscard]] Result<void> check_name(const std::string& name);
// Of commands: the part before the first dot.
[[nodiscard]] Result<void> check_prefix(const std::string& prefix);

// One choice for all commands, or one for each of some prefixes, where it differs: a `Choices` has
// `for_all` and `by_prefix`. `parse` knows the `names` of what there is, which is a `noun`.
template <class Choices, class Pairs, class Parse>
[[nodiscard]] Result<Choices> choices_of(const Pairs& pairs, std::string_view noun,
                                         std::string_view names, Parse parse) {
  Choices choices;
  for (const auto& [prefix, name] : pairs) {
    const bool is_for_all = pairs.size() == 1 && name.empty();
    if (!is_for_all && name.empty()) {
      return usage_error("{}: has no {}; write {}: {}", prefix, noun, prefix, names);
    }
    const auto chosen = parse(is_for_all ? prefix : name);
    if (!chosen) {
      return usage_error("\"{}\" is no {}; write {}", quotable(is_for_all ? prefix : name), noun,
                         names);
    }
    if (is_for_all) {
      choices.for_all = *chosen;
      break;
    }
    if (auto checked = check_prefix(prefix); !checked) return std::unexpected(checked.error());
    if (!choices.by_prefix.emplace(prefix, *chosen).second) {
      return usage_error("{} is there twice; remove one", prefix);
    }
  }
  return choices;
}

[[nodiscard]] Result<AddressRange> parse_address_range(const std::string& text);

}  // namespace ringgate
