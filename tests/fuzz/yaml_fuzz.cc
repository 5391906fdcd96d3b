// What a configuration may be: a tree within its bounds, or one line that says what is wrong. And
// the values of its keys, as long as they name no files.
#include <algorithm>
#include <cctype>
#include <string>

#include "control/config/config.h"
#include "control/config/yaml_text.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

std::size_t count_nodes(const YamlNode& node, std::size_t depth) {
  fuzz_check(depth <= kMaxYamlDepth, "deeper than the bound");
  fuzz_check(node.is_list() || node.list.empty(), "items of something that is no list");
  fuzz_check(node.is_map() || node.map.empty(), "entries of something that is no map");
  std::size_t nodes = 1;
  for (const YamlNode& item : node.list) nodes += count_nodes(item, depth + 1);
  for (const auto& [key, value] : node.map) {
    nodes += count_nodes(key, depth + 1) + count_nodes(value, depth + 1);
  }
  return nodes;
}

bool names_a_file(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.find("file") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto root = parse_yaml(text);
  if (!root) {
    fuzz_check(root.error().message.starts_with("line "), "an error without its line");
    fuzz_check(root.error().exit_code == 2, "an error of usage has another code");
    return 0;
  }
  fuzz_check(count_nodes(*root, 1) <= kMaxYamlNodes + 1, "more values than the bound");
  if (names_a_file(text)) return 0;
  const auto no_environment = [](const std::string&) { return std::optional<std::string>(); };
  static_cast<void>(parse_config(text, no_environment, ProcessRole::kGateway));
  return 0;
}
