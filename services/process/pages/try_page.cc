#include "services/process/pages/try_page.h"

#include <chrono>
#include <utility>

#include "control/base/json_writer.h"
#include "control/base/ws_url.h"
#include "services/auth/development.h"
#include "services/auth/token.h"
#include "services/process/pages/page_policy.h"

namespace ringgate {
namespace {

constexpr std::int64_t kTokenTtlS = 24 * 3600;
constexpr const char* kJsonType = "application/json";

// "ws://0.0.0.0:8000/" -> "ws://:8000/"; the same of wss.
std::string without_wildcard(const std::string& text) {
  Result<WsUrl> url = parse_ws_url(text);
  if (!url) return text;
  std::string& host = url->endpoint.host;
  if (!host.empty() && host != "0.0.0.0" && host != "::") return text;
  return (url->tls ? "wss://:" : "ws://:") + std::to_string(url->endpoint.port) + url->path;
}

std::int64_t unix_now_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

std::string try_page_policy(std::string_view html) {
  return page_policy(html, "'self' ws: wss:");
}

std::string try_config_json(const std::vector<std::string>& websocket_urls, bool development) {
  JsonWriter json;
  json.object("", [&] {
    json.array("ws", [&] {
      for (const std::string& url : websocket_urls) json.text("", without_wildcard(url));
    });
    json.flag("development", development);
  });
  return json.take();
}

http::Reply try_token_reply(const http::Request& request, std::string_view secret,
                            std::int64_t now_s) {
  const auto value = [&](const std::string& key, std::string_view otherwise) {
    const auto at = request.query.find(key);
    return at == request.query.end() ? std::string(otherwise) : at->second;
  };
  const std::string account = value("account", "");
  const std::string app = value("app", kDevelopmentApp);
  if (!is_valid_account(account)) {
    return {400, "An account is 1 to " + std::to_string(kMaxAccountBytes) +
                     " bytes of UTF-8 without commas and control characters.\n"};
  }
  if (!is_valid_app(app)) {
    return {400, "An app is 1 to " + std::to_string(kMaxAppBytes) +
                     " bytes of UTF-8 without commas and control characters.\n"};
  }
  JsonWriter json;
  json.object("",
              [&] { json.text("token", sign_token({account, app, now_s + kTokenTtlS}, secret)); });
  return {200, json.take(), kJsonType};
}

void add_try_page(http::Monitor& monitor, TryPageOptions options) {
  const std::string policy = try_page_policy(try_page_html());
  monitor.add_get("/try",
                  [policy](const http::Request&) {
                    return http::Reply{200,
                                       std::string(try_page_html()),
                                       "text/html; charset=utf-8",
                                       {{"Content-Security-Policy", policy}}};
                  },
                  http::Audience::kBrowser, {"account", "login"});
  const bool development = options.development_secret.has_value();
  monitor.add_get(
      "/try/config.json",
      [urls = std::move(options.websocket_urls), development](const http::Request&) {
        return http::Reply{200, try_config_json(urls(), development), kJsonType};
      },
      http::Audience::kBrowser);
  if (!development) return;
  monitor.add_get("/try/token",
                  [secret = std::move(*options.development_secret)](const http::Request& request) {
                    return try_token_reply(request, secret, unix_now_s());
                  },
                  http::Audience::kOperator, {"account", "app"});
}

}  // namespace ringgate
