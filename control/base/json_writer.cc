#include "control/base/json_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>

#include "codec/utf8.h"

namespace ringgate {

void append_json_string(std::string& to, std::string_view text) {
  to.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      to.push_back(c);
    }
  }
  to.push_back('"');
}

void JsonWriter::line() {
  json_.push_back('\n');
  json_.append(2 * empty_.size(), ' ');
}

void JsonWriter::begin(std::string_view key) {
  if (!empty_.empty()) {
    const bool first = empty_.back();
    empty_.back() = false;
    if (!first) json_.push_back(',');
    if (empty_.size() <= levels_of_lines_) {
      line();
    } else if (!first) {
      json_.push_back(' ');
    }
  }
  if (key.empty()) return;
  string(key);
  json_ += ": ";
}

void JsonWriter::open(std::string_view key, char bracket) {
  begin(key);
  json_.push_back(bracket);
  empty_.push_back(true);
}

void JsonWriter::close(char bracket) {
  const bool lines = !empty_.back() && empty_.size() <= levels_of_lines_;
  empty_.pop_back();
  if (lines) line();
  json_.push_back(bracket);
}

void JsonWriter::string(std::string_view text) {
  if (is_utf8(text)) return append_json_string(json_, text);
  std::string mended;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      mended.push_back(c);
    } else {
      mended += "\xef\xbf\xbd";  // U+FFFD
    }
  }
  append_json_string(json_, mended);
}

void JsonWriter::text(std::string_view key, std::string_view value) {
  begin(key);
  string(value);
}

void JsonWriter::text_or_null(std::string_view key, std::string_view value) {
  if (value.empty()) return null(key);
  text(key, value);
}

void JsonWriter::raw(std::string_view key, std::string_view json) {
  begin(key);
  json_ += json;
}

void JsonWriter::count(std::string_view key, std::optional<std::uint64_t> value) {
  if (!value) return null(key);
  begin(key);
  fmt::format_to(std::back_inserter(json_), "{}", *value);
}

void JsonWriter::number(std::string_view key, std::optional<double> value, int decimals) {
  if (!value || !std::isfinite(*value)) return null(key);
  begin(key);
  fmt::format_to(std::back_inserter(json_), "{:.{}f}", *value, decimals);
}

void JsonWriter::flag(std::string_view key, bool value) {
  begin(key);
  json_ += value ? "true" : "false";
}

void JsonWriter::null(std::string_view key) {
  begin(key);
  json_ += "null";
}

std::string JsonWriter::take() {
  empty_.clear();
  return std::exchange(json_, {});
}

}  // namespace ringgate
