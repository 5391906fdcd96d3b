#include "control/config/yaml_text.h"

#include <yaml.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace ringgate {
namespace {

// The library compares each with all before it.
constexpr std::size_t kMaxTagDirectives = 16;

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) {
    ++count;
  }
  return count;
}

class Event {
 public:
  Event() = default;
  ~Event() { yaml_event_delete(&event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  yaml_event_t* get() { return &event_; }
  [[nodiscard]] yaml_event_type_t type() const { return event_.type; }
  [[nodiscard]] std::size_t line() const { return event_.start_mark.line + 1; }

  [[nodiscard]] std::string text() const {
    const auto& scalar = event_.data.scalar;
    return {reinterpret_cast<const char*>(scalar.value), scalar.length};
  }
  // Words for nothing; in quotes they are text.
  [[nodiscard]] bool is_null() const {
    if (event_.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    constexpr std::array<std::string_view, 5> kNothing{"", "~", "null", "Null", "NULL"};
    return std::ranges::find(kNothing, text()) != kNothing.end();
  }

 private:
  yaml_event_t event_{};
};

class Reader {
 public:
  explicit Reader(std::string_view text) {
    const std::size_t end = text.find_last_not_of(" \t\r\n") + 1;  // 0 where there is nothing
    last_line_ += static_cast<std::size_t>(std::ranges::count(text.substr(0, end), '\n'));
    is_ready_ = yaml_parser_initialize(&parser_) != 0;
    if (!is_ready_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~Reader() {
    if (is_ready_) yaml_parser_delete(&parser_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<YamlNode> document();

 private:
  Result<void> next(Event& event);
  Result<YamlNode> node(const Event& event, std::size_t depth);
  Result<void> fill_list(YamlNode& list, std::size_t depth);
  Result<void> fill_map(YamlNode& map, std::size_t depth);
  [[nodiscard]] std::unexpected<Error> problem() const;

  yaml_parser_t parser_{};
  bool is_ready_ = false;
  std::size_t last_line_ = 1;
  std::size_t nodes_ = 0;
};

// What the library's words do not say.
std::string_view hint_of(std::string_view problem, std::string_view context) {
  if (context.find("alias") != problem.npos) return "; write a text that begins with * in quotes";
  if (problem.find("cannot start any token") != problem.npos) {
    return "; indent with blanks, and write a text that begins so in quotes";
  }
  if (problem.find("mapping values are not allowed") != problem.npos) {
    return "; write a text with \": \" in it in quotes";
  }
  return "";
}

std::unexpected<Error> Reader::problem() const {
  if (!is_ready_ || parser_.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
  const auto text_of = [](const char* text) { return std::string_view(text ? text : ""); };
  const std::string_view problem = text_of(parser_.problem);
  const std::string_view context = text_of(parser_.context);
  // What is never closed is found at the end, where nothing is to be mended.
  const std::size_t line = std::min(parser_.problem_mark.line + 1, last_line_);
  const std::size_t from = parser_.context_mark.line + 1;
  std::string where(context);
  if (!context.empty() && from < line) where += fmt::format(" that begins in line {}", from);
  return usage_error("line {}: not valid YAML: {}{}{}{}", line, where, where.empty() ? "" : ": ",
                     problem, hint_of(problem, context));
}

Result<void> Reader::next(Event& event) {
  if (!is_ready_ || yaml_parser_parse(&parser_, event.get()) == 0) return problem();
  return {};
}

Result<YamlNode> Reader::node(const Event& event, std::size_t depth) {
  if (event.type() == YAML_ALIAS_EVENT) {
    return usage_error("line {}: not taken here: an alias (*name); write the value itself",
                       event.line());
  }
  if (++nodes_ > kMaxYamlNodes) {
    return usage_error("line {}: more than {} values; is it the right file?", event.line(),
                       kMaxYamlNodes);
  }
  if (depth > kMaxYamlDepth) {
    return usage_error("line {}: nested more than {} deep; is it the right file?", event.line(),
                       kMaxYamlDepth);
  }
  YamlNode node;
  node.line = event.line();
  Result<void> filled;
  if (event.type() == YAML_SEQUENCE_START_EVENT) {
    node.kind = YamlNode::Kind::kList;
    filled = fill_list(node, depth);
  } else if (event.type() == YAML_MAPPING_START_EVENT) {
    node.kind = YamlNode::Kind::kMap;
    filled = fill_map(node, depth);
  } else if (!event.is_null()) {
    node.kind = YamlNode::Kind::kScalar;
    node.text = event.text();
  }
  if (!filled) return std::unexpected(filled.error());
  return node;
}

Result<void> Reader::fill_list(YamlNode& list, std::size_t depth) {
  for (;;) {
    Event event;
    if (auto read = next(event); !read) return read;
    if (event.type() == YAML_SEQUENCE_END_EVENT) return {};
    auto item = node(event, depth + 1);
    if (!item) return std::unexpected(item.error());
    list.list.push_back(std::move(*item));
  }
}

Result<void> Reader::fill_map(YamlNode& map, std::size_t depth) {
  for (;;) {
    Event first;
    if (auto read = next(first); !read) return read;
    if (first.type() == YAML_MAPPING_END_EVENT) return {};
    auto key = node(first, depth + 1);
    if (!key) return std::unexpected(key.error());
    Event second;
    if (auto read = next(second); !read) return read;
    auto value = node(second, depth + 1);
    if (!value) return std::unexpected(value.error());
    map.map.push_back({std::move(*key), std::move(*value)});
  }
}

Result<YamlNode> Reader::document() {
  YamlNode root;
  bool has_document = false;
  for (;;) {
    Event event;
    if (auto read = next(event); !read) return std::unexpected(read.error());
    switch (event.type()) {
      case YAML_STREAM_END_EVENT:
        return root;
      case YAML_NO_EVENT:
      case YAML_STREAM_START_EVENT:
      case YAML_DOCUMENT_END_EVENT:
        break;
      case YAML_DOCUMENT_START_EVENT:
        if (has_document) {
          return usage_error("line {}: more than one YAML document; keep only the first",
                             event.line());
        }
        has_document = true;
        break;
      default: {
        auto read = node(event, 1);
        if (!read) return read;
        root = std::move(*read);
      }
    }
  }
}

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text) {
  // The library skips it where it is told of no encoding, and else takes it for a column.
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (count_of(text, "%TAG") > kMaxTagDirectives) {
    return usage_error(
        "line 1: not taken here: more than {} %TAG directives; is it the right file?",
        kMaxTagDirectives);
  }
  return Reader(text).document();
}

}  // namespace ringgate
