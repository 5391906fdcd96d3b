#include "control/discovery/consul/options.h"

#include <algorithm>

#include "control/base/address.h"
#include "control/base/text.h"
#include "control/base/text_file.h"

namespace ringgate::consul {

Result<std::string> parse_url(std::string_view text) {
  const std::size_t mark = text.find("://");
  const std::string scheme = mark == text.npos ? "http" : lower_case(text.substr(0, mark));
  std::string_view rest = mark == text.npos ? text : text.substr(mark + 3);
  if (scheme != "http" && scheme != "https") {
    return usage_error("unknown scheme {}; Consul is asked over http or https", scheme);
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("?@") != std::string_view::npos) {  // a secret may be there
    return usage_error(
        "has a user, a password or a query in it; write scheme://host:port alone, and name the "
        "file of a token in ConsulTokenFile");
  }
  if (rest.find_first_of("/# ") != std::string_view::npos) {
    return usage_error("\"{}\" is more than scheme://host:port; remove the rest", text);
  }
  Result<Endpoint> endpoint = parse_endpoint(rest);
  if (!endpoint || endpoint->port == 0) {
    return usage_error(
        "\"{}\" is not host:port, http://host:port or https://host:port; Consul's own ports are "
        "8500 for http and 8501 for https",
        text);
  }
  if (endpoint->host.empty()) endpoint->host = "127.0.0.1";
  return scheme + "://" + format_endpoint(*endpoint);
}

Result<std::string> read_token(const std::string& file) {
  constexpr std::size_t kMaxToken = 4096;
  const Result<std::string> text = read_text_file(file, kMaxToken);
  if (!text) return usage_error("ConsulTokenFile: {}", text.error().message);
  const std::string_view first_line =
      std::string_view(*text).substr(0, text->find_first_of("\r\n"));
  std::string token(trim(first_line));
  const bool is_clean = std::ranges::none_of(
      token, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  if (token.empty() || !is_clean) {
    return usage_error("ConsulTokenFile: there is no token in {}; put it on the first line", file);
  }
  return token;
}

}  // namespace ringgate::consul
