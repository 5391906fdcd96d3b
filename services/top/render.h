// A status as text of a terminal. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "services/top/status_view.h"

namespace ringgate::top {

struct Screen {
  std::size_t columns = 80;
  std::size_t rows = 0;  // 0: as many as it takes
  bool in_color = false;
};

// Lines, each with its end, none longer than the screen is wide.
[[nodiscard]] std::string render(const StatusView& view, const Screen& screen);

// So many bars for the newest values, the highest full: "▁▂▅█".
[[nodiscard]] std::string sparkline(const StatusView& view, double StatusSample::* field,
                                    std::size_t width);

// "12", "3.4k", "1.2M".
[[nodiscard]] std::string short_number(double value);
// "512 B", "3.4 KiB".
[[nodiscard]] std::string short_bytes(double value);
// "42 s", "3 min", "5 h", "12 days".
[[nodiscard]] std::string short_time(std::uint64_t seconds);

}  // namespace ringgate::top
