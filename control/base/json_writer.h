// Writes one JSON text (RFC 8259) from the outside in; everything of ours that is JSON is written
// here, but the payload of a token (services/auth/token.cc), whose bytes are signed. So many outer
// levels as one likes have a line for each member, what is deeper stays on its line: readable, and
// a diff of two reports says what changed.
//
// Owned by one thread. Keys and texts may hold anything: what is not UTF-8 in them is replaced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringgate {

// Appends `text` in quotes, with what JSON requires escaped (RFC 8259, section 7). `text` has to be
// UTF-8. For what the writer below does not write.
void append_json_string(std::string& to, std::string_view text);

class JsonWriter {
 public:
  explicit JsonWriter(std::size_t levels_of_lines = 0) : levels_of_lines_(levels_of_lines) {}

  // `fill` writes the members. The key is empty for the root and for what is in an array.
  template <class Fill>
  void object(std::string_view key, Fill&& fill) {
    open(key, '{');
    fill();
    close('}');
  }
  template <class Fill>
  void array(std::string_view key, Fill&& fill) {
    open(key, '[');
    fill();
    close(']');
  }
  void text(std::string_view key, std::string_view value);
  // Null when it is empty.
  void text_or_null(std::string_view key, std::string_view value);
  // Null when there is none.
  void count(std::string_view key, std::optional<std::uint64_t> value);
  // Null when there is none, or it is not finite.
  void number(std::string_view key, std::optional<double> value, int decimals = 3);
  void flag(std::string_view key, bool value);
  void null(std::string_view key);
  // JSON already: a value, or in an array several with commas between them.
  void raw(std::string_view key, std::string_view json);

  // What was written; the writer is empty afterwards.
  [[nodiscard]] std::string take();

 private:
  void begin(std::string_view key);
  void open(std::string_view key, char bracket);
  void close(char bracket);
  void line();
  void string(std::string_view text);

  std::size_t levels_of_lines_;
  std::string json_;
  std::vector<bool> empty_;  // of each level that is open
};

}  // namespace ringgate
