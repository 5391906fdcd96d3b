#include "benchmarks/ringbench/mix_file.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <set>

#include "control/base/text_file.h"
#include "control/config/yaml_text.h"

namespace ringgate::bench {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;
constexpr std::size_t kMaxSteps = 64;
constexpr unsigned kMaxBodyBytes = 1'000'000;

template <class... Args>
std::unexpected<Error> wrong(const YamlNode& node, fmt::format_string<Args...> text,
                             Args&&... args) {
  return fail(fmt::format("line {}: {}", node.line, fmt::format(text, std::forward<Args>(args)...)),
              2);
}

// `A..B`, or `A` for both.
struct Ends {
  std::string low;
  std::string high;
};
Ends split_range(const std::string& text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return {text, text};
  return {text.substr(0, dots), text.substr(dots + 2)};
}

Result<unsigned> parse_bytes(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > kMaxBodyBytes) {
    return fail(fmt::format("'{}' is no number of bytes up to {}", text, kMaxBodyBytes));
  }
  return value;
}

Result<void> read_action(const YamlNode& value, MixStep& step) {
  for (const Action action : {Action::kPing, Action::kForward, Action::kTalk}) {
    if (name_of(action) == value.text) {
      step.action = action;
      return {};
    }
  }
  return wrong(value, "cannot do '{}': it is ping, forward or talk", value.text);
}

Result<void> read_share(const YamlNode& value, MixStep& step) {
  const char* const end = value.text.data() + value.text.size();
  const auto [rest, error] = std::from_chars(value.text.data(), end, step.share);
  if (error != std::errc{} || rest != end) return wrong(value, "'share' cannot be read");
  if (std::isfinite(step.share) && step.share > 0) return {};
  return wrong(value, "a share is a number above 0");
}

Result<void> read_think(const YamlNode& value, MixStep& step) {
  const Ends ends = split_range(value.text);
  const auto low = parse_duration_ms(ends.low);
  const auto high = parse_duration_ms(ends.high);
  if (!low || !high) return wrong(value, "{}", (low ? high : low).error().message);
  if (*low > *high) return wrong(value, "the shorter think time comes first: 1s..5s");
  step.think_min_ms = *low;
  step.think_max_ms = *high;
  return {};
}

Result<void> read_body(const YamlNode& value, MixStep& step) {
  const Ends ends = split_range(value.text);
  const auto low = parse_bytes(ends.low);
  const auto high = parse_bytes(ends.high);
  if (!low || !high) return wrong(value, "{}", (low ? high : low).error().message);
  if (*low > *high) return wrong(value, "the smaller body comes first: 32..256");
  step.body_min_bytes = *low;
  step.body_max_bytes = *high;
  return {};
}

Result<void> read_field(const std::string& key, const YamlNode& value, MixStep& step) {
  if (!value.is_scalar()) return wrong(value, "'{}' has one value", key);
  if (key == "do") return read_action(value, step);
  if (key == "share") return read_share(value, step);
  if (key == "think") return read_think(value, step);
  if (key == "body") return read_body(value, step);
  return wrong(value, "unknown key '{}': a step has do, share, think and body", key);
}

Result<MixStep> read_step(const YamlNode& node) {
  if (!node.is_map()) return wrong(node, "a step is written like {{do: ping, share: 10}}");
  MixStep step;
  std::set<std::string_view> seen;
  for (const auto& [key, value] : node.map) {
    if (!key.is_scalar()) return wrong(key, "a key has to be a single word");
    if (!seen.insert(key.text).second) return wrong(key, "'{}' is there twice", key.text);
    if (auto read = read_field(key.text, value, step); !read) return std::unexpected(read.error());
  }
  if (!seen.contains("do")) return wrong(node, "a step needs `do`: ping, forward or talk");
  return step;
}

}  // namespace

Result<std::vector<MixStep>> parse_mix(std::string_view yaml) {
  const Result<YamlNode> root = parse_yaml(yaml);
  if (!root) return std::unexpected(root.error());
  if (!root->is_list() || root->list.empty()) {
    return fail("it is to be a list of steps, like `- {do: ping, share: 10}`", 2);
  }
  if (root->list.size() > kMaxSteps) return fail(fmt::format("more than {} steps", kMaxSteps), 2);
  std::vector<MixStep> steps;
  for (const YamlNode& node : root->list) {
    auto step = read_step(node);
    if (!step) return std::unexpected(step.error());
    steps.push_back(*step);
  }
  return steps;
}

Result<std::vector<MixStep>> read_mix_file(const std::string& file) {
  const auto text = read_text_file(file, kMaxFileBytes);
  if (!text) return fail("--mix: " + text.error().message, 2);
  auto steps = parse_mix(*text);
  if (!steps) return fail(fmt::format("--mix: {}: {}", file, steps.error().message), 2);
  return steps;
}

}  // namespace ringgate::bench
