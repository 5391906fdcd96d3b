// What an HTTP request is answered with, and how that is written. Plain values, any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ringgate::http {

struct Reply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers = {};  // Beside Content-Type.
};

// The whole response, which says that the connection ends with it. Without the body it is the
// answer to a HEAD.
[[nodiscard]] std::string response(const Reply& reply, bool with_body);

}  // namespace ringgate::http
