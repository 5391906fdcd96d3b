#include "services/process/pages/status_page.h"

#include <string>

#include "services/process/pages/page_policy.h"

namespace ringgate {

// Without a token: a browser that opens a page has none to send. What it shows takes one.
void add_status_page(http::Monitor& monitor) {
  monitor.add_get(
      "/status",
      [policy = page_policy(status_page_html(), "'self'")](const http::Request&) {
        return http::Reply{200,
                           std::string(status_page_html()),
                           "text/html; charset=utf-8",
                           {{"Content-Security-Policy", policy}}};
      },
      http::Audience::kBrowser);
}

}  // namespace ringgate
