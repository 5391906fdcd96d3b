// The page that shows what a gateway does: GET /status on the admin port
// (services/process/pages/status_page.html, embedded). It asks /status.json of the same port, which
// whoever adds the page has to add, too. The embedded text lives as long as the program.
#pragma once

#include <string_view>

#include "control/http/monitor.h"

namespace ringgate {

void add_status_page(http::Monitor& monitor);

// What the page is made of.
[[nodiscard]] std::string_view status_page_html();

}  // namespace ringgate
