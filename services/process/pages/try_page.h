// The page to try a gateway with, on the admin port: GET /try
// (services/process/pages/try_page.html, embedded), /try/config.json (where to connect) and, in
// development mode only, /try/token. The functions are pure but for the clock, any thread; the
// embedded text lives as long as the program.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/http/monitor.h"

namespace ringgate {

struct TryPageOptions {
  // Where clients connect: URLs as they are listened on. Called on the monitor's threads.
  std::function<std::vector<std::string>()> websocket_urls;
  // Set in development mode only: whoever reaches the port is given tokens signed with it.
  std::optional<std::string> development_secret;
};

void add_try_page(http::Monitor& monitor, TryPageOptions options);

// What the page is made of.
[[nodiscard]] std::string_view try_page_html();
// Lets the page run its own script and style, known by their hashes, and open WebSockets; nothing
// else. (W3C Content Security Policy Level 3.)
[[nodiscard]] std::string try_page_policy(std::string_view html);

// {"ws": [...], "development": ...}. An address that stands for all interfaces is left out of its
// URL, "ws://:8000/": the page puts in the host that it came from.
[[nodiscard]] std::string try_config_json(const std::vector<std::string>& websocket_urls,
                                          bool development);

// {"token": ...} for ?account=NAME[&app=NAME], valid for 24 h from `now_s` (Unix time).
[[nodiscard]] http::Reply try_token_reply(const http::Request& request, std::string_view secret,
                                          std::int64_t now_s);

}  // namespace ringgate
