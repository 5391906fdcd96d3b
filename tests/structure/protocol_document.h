// The blocks of docs/protocol.md that can be checked. One begins with "```KIND NAME" and ends with
// "```".
#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

namespace ringgate::test {

inline std::string read_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Name to text, of all blocks of that kind. A name that comes twice is an error.
inline std::map<std::string, std::string> blocks_of(const std::string& document,
                                                    const std::string& kind) {
  std::map<std::string, std::string> blocks;
  std::string* open = nullptr;
  std::istringstream lines(document);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      const bool begins = open == nullptr && (line + " ").starts_with("```" + kind + " ");
      open = nullptr;
      if (!begins) continue;
      const std::size_t name_at = std::min(line.size(), 3 + kind.size() + 1);
      const auto [block, is_new] = blocks.emplace(line.substr(name_at), std::string());
      if (!is_new) throw std::runtime_error("two blocks are named " + block->first);
      open = &block->second;
    } else if (open != nullptr) {
      open->append(line).push_back('\n');
    }
  }
  return blocks;
}

}  // namespace ringgate::test
