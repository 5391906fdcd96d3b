#include "services/top/width.h"

#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <cstdint>

namespace ringgate::top {
namespace {

struct Character {
  std::size_t bytes;
  std::size_t columns;
};

// Its own locale, for the calling thread and the call alone: the process is in "C", whose
// characters are ASCII.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  ~Utf8Locale() {
    if (locale_ != nullptr) freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

  [[nodiscard]] std::size_t columns_of(wchar_t character) const {
    if (locale_ == nullptr) return 1;
    locale_t const before = uselocale(locale_);
    const int columns = wcwidth(character);
    uselocale(before);
    return columns < 0 ? 1 : static_cast<std::size_t>(columns);
  }

 private:
  locale_t locale_;
};

Character first_of(std::string_view text) {
  static const Utf8Locale locale;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char head = byte(0);
  if (head < 0x80U) return {1, 1};
  const std::size_t bytes = head >= 0xF0U ? 4 : head >= 0xE0U ? 3 : head >= 0xC0U ? 2 : 1;
  if (bytes == 1 || text.size() < bytes) return {1, 1};
  std::uint32_t character = head & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {1, 1};
    character = character << 6U | (byte(i) & 0x3FU);
  }
  return {bytes, locale.columns_of(static_cast<wchar_t>(character))};
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character one = first_of(text);
    columns += one.columns;
    text.remove_prefix(one.bytes);
  }
  return columns;
}

std::string_view cut_to(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character one = first_of(text.substr(bytes));
    if (one.columns > columns) break;
    columns -= one.columns;
    bytes += one.bytes;
  }
  return text.substr(0, bytes);
}

std::string cell(std::string_view text, std::size_t columns) {
  std::string shown(text);
  if (columns_of(text) > columns) {
    shown = cut_to(text, columns - std::min<std::size_t>(columns, 1));
    if (columns > 0) shown += "…";
  }
  return shown.append(columns - std::min(columns, columns_of(shown)), ' ');
}

}  // namespace ringgate::top
