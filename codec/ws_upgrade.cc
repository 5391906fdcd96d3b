// Where the request ends is found here, byte by byte; what is in it is parsed by Beast, in one go.
#include "codec/ws_upgrade.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "codec/ignoring_case.h"
#include "codec/ws_origin.h"
#include "codec/ws_target.h"

namespace ringgate {
namespace {

namespace http = boost::beast::http;

using Request = http::request<http::empty_body>;

struct Verdict {
  int http_status = 101;
  std::string_view problem;
};

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

std::string_view trim(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// A field may come several times and hold a comma-separated list each time (RFC 9110, 5.3).
template <class Matches>
bool any_listed(const Request& request, std::string_view name, Matches matches) {
  const auto [first, last] = request.equal_range({name.data(), name.size()});
  return std::any_of(first, last, [&](const auto& field) {
    std::string_view rest = view(field.value());
    while (true) {
      const std::size_t comma = rest.find(',');
      if (matches(trim(rest.substr(0, comma)))) return true;
      if (comma == std::string_view::npos) return false;
      rest.remove_prefix(comma + 1);
    }
  });
}

auto ignoring_case(std::string_view word) {
  return [word](std::string_view listed) { return equals_ignoring_case(listed, word); };
}

// The value of a field that may come only once; empty when it is missing or comes again.
std::string_view only_value(const Request& request, std::string_view name) {
  const boost::beast::string_view key{name.data(), name.size()};
  return request.count(key) == 1 ? trim(view(request[key])) : std::string_view();
}

// Sixteen bytes in base64: 22 digits and the padding.
bool is_key(std::string_view text) noexcept {
  constexpr std::size_t kDigits = 22;
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return text.size() == kDigits + 2 && text.ends_with("==") &&
         std::ranges::all_of(text.substr(0, kDigits), is_digit);
}

bool has_body(const Request& request) {
  if (request.count(http::field::transfer_encoding) != 0) return true;
  const auto [first, last] = request.equal_range(http::field::content_length);
  return std::any_of(first, last, [](const auto& field) {
    return view(field.value()).find_first_not_of('0') != std::string_view::npos;
  });
}

bool is_allowed_origin(std::string_view origin, const std::vector<std::string>& allowed) {
  return std::ranges::any_of(
      allowed, [origin](const std::string& entry) { return origin_matches(entry, origin); });
}

// RFC 6455, section 4.2.1, in its order but for Origin, which only a real upgrade is asked for.
Verdict check_request(const Request& request, const WsUpgradeOptions& options) {
  if (request.method() != http::verb::get) return {400, "the method has to be GET"};
  if (request.version() != 11) return {400, "the version has to be HTTP/1.1"};
  if (!path_matches(options.path, path_of_target(view(request.target())))) {
    return {404, "nothing at this path"};
  }
  if (only_value(request, "Host").empty()) return {400, "there has to be one Host"};
  if (has_body(request)) return {400, "an upgrade has no body"};
  if (!any_listed(request, "Upgrade", ignoring_case("websocket"))) {
    return {400, "this is a WebSocket endpoint: Upgrade: websocket is missing"};
  }
  if (!any_listed(request, "Connection", ignoring_case("upgrade"))) {
    return {400, "Connection: Upgrade is missing"};
  }
  if (only_value(request, "Sec-WebSocket-Version") != "13") {
    return {426, "Sec-WebSocket-Version has to be 13"};
  }
  if (!is_key(only_value(request, "Sec-WebSocket-Key"))) {
    return {400, "Sec-WebSocket-Key has to be 16 bytes in base64"};
  }
  if (request.count("Origin") != 0 &&
      !is_allowed_origin(only_value(request, "Origin"), options.allowed_origins)) {
    return {403, "this origin is not allowed"};
  }
  return {};
}

std::string join_values(const Request& request, std::string_view name) {
  std::string joined;
  const auto [first, last] = request.equal_range({name.data(), name.size()});
  for (auto field = first; field != last; ++field) {
    if (!joined.empty()) joined += ", ";
    joined += trim(view(field->value()));
  }
  return joined;
}

std::string_view reason_phrase(int http_status) {
  switch (http_status) {
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Bad Request";
  }
}

std::string error_response(int http_status, std::string_view problem) {
  std::string text = "HTTP/1.1 ";
  text.append(std::to_string(http_status)).append(" ").append(reason_phrase(http_status));
  text += "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ";
  text.append(std::to_string(problem.size() + 1)).append("\r\n");
  if (http_status == 426) {
    // The answer has to name what to upgrade to (RFC 9110, 15.5.22 and 7.8).
    text += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close, Upgrade\r\n\r\n";
  } else {
    text += "Connection: close\r\n\r\n";
  }
  return text.append(problem).append("\n");
}

constexpr std::string_view kTooLong =
    "the request with its header fields is longer than what is taken here";

bool is_in_a_head(std::uint8_t byte) noexcept {
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\r' || byte == '\n';
}

}  // namespace

UpgradeStep WsUpgrade::feed(ByteView input) {
  static constexpr std::string_view kEnd = "\r\n\r\n";
  if (http_status_ != 0) return decide(http_status_, problem_, 0);
  const std::size_t most = std::min(options_.max_bytes, kMostUpgradeBytes);
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::uint8_t byte = input[i];
    const bool expected = byte == static_cast<std::uint8_t>(kEnd[line_end_]);
    const bool half_line_end = line_end_ % 2 == 1;  // CR, so LF has to come; and LF only then
    if (!is_in_a_head(byte) || (half_line_end ? !expected : byte == '\n')) {
      return decide(400, "this is no HTTP request", i + 1);
    }
    line_end_ = expected ? static_cast<std::uint8_t>(line_end_ + 1) : 0;
    ++head_bytes_;
    if (line_end_ == kEnd.size()) {
      const ByteView last = input.first(i + 1);
      if (!collected_.empty()) collected_.append(as_text(last));
      judge(collected_.empty() ? last : as_bytes(collected_));
      return decide(http_status_, problem_, i + 1);
    }
    if (head_bytes_ >= most) return decide(431, kTooLong, i + 1);
  }
  collected_.append(as_text(input));
  return {.status = UpgradeStatus::kNeedMore, .consumed = input.size()};
}

UpgradeStep WsUpgrade::decide(int http_status, std::string_view problem, std::size_t consumed) {
  http_status_ = http_status;
  problem_ = problem;
  collected_ = {};
  return {.status = http_status == 101 ? UpgradeStatus::kAccepted : UpgradeStatus::kRefused,
          .consumed = consumed};
}

void WsUpgrade::judge(ByteView head) {
  // An empty line before the request is passed over (RFC 9112, section 2.2).
  if (as_text(head).starts_with("\r\n")) head = head.subspan(2);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error || !parser.is_header_done()) {
    http_status_ = 400;
    problem_ = "this is no valid HTTP request";
    return;
  }
  const Request& request = parser.get();
  const Verdict verdict = check_request(request, options_);
  http_status_ = verdict.http_status;
  problem_ = verdict.problem;
  if (http_status_ != 101) return;
  accept_ = ws_accept_of(only_value(request, "Sec-WebSocket-Key"));
  forwarded_for_ = join_values(request, "X-Forwarded-For");
  subprotocol_offered_ =
      !options_.subprotocol.empty() &&
      any_listed(request, "Sec-WebSocket-Protocol",
                 [this](std::string_view offered) { return offered == options_.subprotocol; });
}

std::string WsUpgrade::response() const {
  if (http_status_ == 0) return {};
  if (http_status_ != 101) return error_response(http_status_, problem_);
  std::string text =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: ";
  text.append(accept_).append("\r\n");
  if (subprotocol_offered_) {
    text.append("Sec-WebSocket-Protocol: ").append(options_.subprotocol).append("\r\n");
  }
  return text.append("\r\n");
}

std::string ws_accept_of(std::string_view key) {
  std::string salted(key);
  salted += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, section 1.3
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest.data());
  constexpr std::size_t kBase64Bytes = (SHA_DIGEST_LENGTH + 2) / 3 * 4;
  std::array<unsigned char, kBase64Bytes + 1> text;  // OpenSSL ends it with a NUL
  EVP_EncodeBlock(text.data(), digest.data(), SHA_DIGEST_LENGTH);
  return {reinterpret_cast<const char*>(text.data()), kBase64Bytes};
}

}  // namespace ringgate
