// A YAML document as a tree of text: what configurations and mix files are written in. Bounded:
// a document that is nested deeper or has more values than any of ours is refused, and so are
// aliases, by which few bytes become very many. Any thread; the tree is a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/error.h"

namespace ringgate {

inline constexpr std::size_t kMaxYamlDepth = 8;
inline constexpr std::size_t kMaxYamlNodes = 16 * 1024;

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t {
    kNull,  // nothing, ~ or null
    kScalar,
    kList,
    kMap,
  };
  Kind kind = Kind::kNull;
  std::size_t line = 1;        // where it begins
  std::string text;            // of a scalar
  std::vector<YamlNode> list;  // of a list
  std::vector<YamlEntry> map;  // of a map, as written: a key may be there twice

  [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::kScalar; }
  [[nodiscard]] bool is_list() const { return kind == Kind::kList; }
  [[nodiscard]] bool is_map() const { return kind == Kind::kMap; }
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

// The one document in `text`; null when there is none. Errors begin with "line N: " and have exit
// code 2.
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace ringgate
