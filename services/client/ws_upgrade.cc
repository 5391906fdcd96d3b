#include "services/client/ws_upgrade.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <random>

#include "codec/ws_upgrade.h"
#include "control/base/text.h"
#include "services/client/text.h"

namespace ringgate::client {
namespace {

namespace http = boost::beast::http;

using Response = http::response<http::string_body>;

constexpr std::size_t kMaxBodyLineBytes = 200;

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

// Whether `text` can be the beginning of an HTTP response.
bool may_be_http(std::string_view text) {
  constexpr std::string_view kBegin = "HTTP/1.";
  const std::size_t common = std::min(text.size(), kBegin.size());
  return text.substr(0, common) == kBegin.substr(0, common);
}

// A field may come several times and hold a list each time; the words are the same in any case.
bool lists(const Response& response, http::field name, std::string_view word) {
  const auto [first, last] = response.equal_range(name);
  return std::any_of(first, last, [word](const auto& field) {
    const auto words = split_commas(view(field.value()));
    return std::ranges::any_of(
        words, [word](const std::string& listed) { return lower_case(listed) == word; });
  });
}

std::unexpected<Error> refused(const Response& response) {
  std::string text = std::to_string(response.result_int());
  if (!response.reason().empty()) text += " " + printable(view(response.reason()));
  const std::string_view body = trim(response.body());
  const std::string_view line = trim(body.substr(0, body.find('\n')));
  if (!line.empty()) text += ": " + printable(line.substr(0, kMaxBodyLineBytes));
  return run_error("the WebSocket upgrade was refused with {}", text);
}

std::unexpected<Error> broken(std::string_view why) {
  return run_error("what answers there is no WebSocket gateway: {}", why);
}

Result<std::size_t> check_accepted(const Response& response, std::size_t bytes,
                                   std::string_view key) {
  if (!lists(response, http::field::upgrade, "websocket")) {
    return broken("its answer lacks Upgrade: websocket");
  }
  if (!lists(response, http::field::connection, "upgrade")) {
    return broken("its answer lacks Connection: Upgrade");
  }
  if (response.count(http::field::sec_websocket_accept) != 1 ||
      trim(view(response[http::field::sec_websocket_accept])) != ws_accept_of(key)) {
    return broken("its Sec-WebSocket-Accept does not answer our key");
  }
  if (response.count(http::field::sec_websocket_extensions) != 0 ||
      response.count(http::field::sec_websocket_protocol) != 0) {
    return broken("it chose an extension or a subprotocol that was not offered");
  }
  return bytes;
}

}  // namespace

std::string make_ws_key() {
  std::array<std::uint8_t, 16> random{};
  std::random_device device;
  for (std::size_t i = 0; i < random.size(); i += sizeof(std::uint32_t)) {
    store_be(random.data() + i, std::uint32_t{device()});
  }
  constexpr std::size_t kBase64Bytes = (random.size() + 2) / 3 * 4;
  std::array<unsigned char, kBase64Bytes + 1> text{};  // OpenSSL ends it with a NUL
  EVP_EncodeBlock(text.data(), random.data(), static_cast<int>(random.size()));
  return {reinterpret_cast<const char*>(text.data()), kBase64Bytes};
}

std::string upgrade_request(const WsUrl& url, std::string_view key) {
  return fmt::format(
      "GET {} HTTP/1.1\r\n"
      "Host: {}\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\n\r\n",
      url.path, format_endpoint(url.endpoint), key);
}

Result<std::size_t> read_upgrade_response(ByteView received, bool ended, std::string_view key) {
  if (!may_be_http(as_text(received))) return broken("it does not speak HTTP; check the port");
  http::response_parser<http::string_body> parser;
  parser.header_limit(kMaxUpgradeResponseBytes);
  parser.body_limit(kMaxUpgradeResponseBytes);
  parser.eager(true);
  boost::beast::error_code error;
  const std::size_t bytes =
      parser.put(boost::asio::const_buffer(received.data(), received.size()), error);
  const bool needs_more = error == http::error::need_more || (!error && !parser.is_done());
  if (needs_more && !ended) return 0U;
  if (parser.is_header_done()) {
    // Of a refusal's body, whatever has come will do.
    if (parser.get().result_int() != 101) return refused(parser.get());
    return check_accepted(parser.get(), bytes, key);
  }
  if (needs_more) return broken("it closed the connection without an answer; check the port");
  if (error == http::error::header_limit) return broken("its answer's header is above 8 KiB");
  return broken("its answer is no valid HTTP response");
}

}  // namespace ringgate::client
