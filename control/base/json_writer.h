// Writes one JSON text (RFC 8259) from the outside in. The two outer levels have a line for each
// member, what is deeper stays on its line: readable, and a diff of two reports says what changed.
//
// Owned by one thread. Keys are ours and written as they are; texts may hold anything: what is not
// UTF-8 in them is replaced.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringgate::bench {

class JsonWriter {
 public:
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
  // Null when there is none.
  void count(std::string_view key, std::optional<std::uint64_t> value);
  // Null when there is none, or it is not finite.
  void number(std::string_view key, std::optional<double> value, int decimals = 3);
  void flag(std::string_view key, bool value);
  void null(std::string_view key);

  // What was written; the writer is empty afterwards.
  [[nodiscard]] std::string take();

 private:
  static constexpr std::size_t kLinesUpTo = 2;

  void begin(std::string_view key);
  void open(std::string_view key, char bracket);
  void close(char bracket);
  void line();

  std::string json_;
  std::vector<bool> empty_;  // of each level that is open
};

}  // namespace ringgate::bench
