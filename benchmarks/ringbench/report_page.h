// The page that as_html fills in: report_page.html, embedded. It lives as long as the program.
#pragma once

#include <string_view>

namespace ringgate::bench {

[[nodiscard]] std::string_view report_page_html();

}  // namespace ringgate::bench
