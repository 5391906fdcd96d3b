#include "services/client/ws_upgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "codec/ws_upgrade.h"

namespace ringgate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455, section 1.3

std::string response_with(std::string_view accept, std::string_view more = {}) {
  return "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, "
         "upgrade\r\nSec-WebSocket-Accept: " +
         std::string(accept) + "\r\n" + std::string(more) + "\r\n";
}

std::string accepted() {
  return response_with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

Result<std::size_t> read(std::string_view received, bool ended = false) {
  return client::read_upgrade_response(as_bytes(received), ended, kKey);
}

std::string problem_of(std::string_view received, bool ended = false) {
  const Result<std::size_t> response = read(received, ended);
  EXPECT_FALSE(response) << received;
  if (response) return {};
  EXPECT_EQ(response.error().exit_code, 1);
  return response.error().message;
}

// --- The request --------------------------------------------------------------------------------

TEST(ClientWsUpgrade, IsWhatTheGatewayAccepts) {
  const WsUpgradeOptions options{.path = "/chat", .allowed_origins = {}, .subprotocol = {}};
  WsUpgrade gateway(options);
  const std::string key = client::make_ws_key();
  const WsUrl url{{"gateway.example", 8000}, "/chat?room=1"};
  const std::string request = client::upgrade_request(url, key);
  EXPECT_THAT(request, HasSubstr("GET /chat?room=1 HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nHost: gateway.example:8000\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Origin")));
  const UpgradeStep step = gateway.feed(as_bytes(request));
  EXPECT_EQ(step.status, UpgradeStatus::kAccepted) << gateway.problem();
  EXPECT_EQ(step.consumed, request.size());
  const Result<std::size_t> response =
      client::read_upgrade_response(as_bytes(gateway.response()), false, key);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(*response, gateway.response().size());
}

TEST(ClientWsUpgrade, WritesAnIpv6HostInBrackets) {
  EXPECT_THAT(client::upgrade_request({{"::1", 80}, "/"}, kKey),
              HasSubstr("\r\nHost: [::1]:80\r\n"));
}

TEST(ClientWsUpgrade, MakesANewKeyEachTime) {
  EXPECT_NE(client::make_ws_key(), client::make_ws_key());
}

// --- The response -------------------------------------------------------------------------------

TEST(ClientWsUpgrade, ReadsAResponseInPieces) {
  const std::string response = accepted();
  for (std::size_t size = 0; size < response.size(); ++size) {
    const Result<std::size_t> part = read(response.substr(0, size));
    ASSERT_TRUE(part) << part.error().message;
    ASSERT_EQ(*part, 0U) << size;
  }
  EXPECT_EQ(read(response).value(), response.size());
}

TEST(ClientWsUpgrade, LeavesWhatFollowsTheResponse) {
  const std::string response = accepted();
  EXPECT_EQ(read(response + "\x82\x05"
                            "first")
                .value(),
            response.size());
  EXPECT_EQ(read(response + std::string(100'000, '\0')).value(), response.size());
  EXPECT_EQ(read(response, /*ended=*/true).value(), response.size());
}

TEST(ClientWsUpgrade, SaysWhyItWasRefused) {
  for (const auto& [status, text] : {std::pair{"400 Bad Request", "Host is missing"},
                                     {"403 Forbidden", "this origin"},
                                     {"404 Not Found", "nothing there"},
                                     {"426 Upgrade Required", "has to be 13"},
                                     {"431 Request Header Fields Too Large", "above 8 KiB"}}) {
    const std::string body = std::string(text) + "\nsecond line";
    EXPECT_EQ(problem_of("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body),
              "the WebSocket upgrade was refused with " + std::string(status) + ": " + text);
  }
}

TEST(ClientWsUpgrade, SaysWhatTheGatewaySays) {
  const WsUpgradeOptions options{.path = "/chat", .allowed_origins = {}, .subprotocol = {}};
  WsUpgrade gateway(options);
  const std::string request = client::upgrade_request({{"host", 1}, "/other"}, kKey);
  ASSERT_EQ(gateway.feed(as_bytes(request)).status, UpgradeStatus::kRefused);
  const std::string problem = problem_of(gateway.response());
  EXPECT_THAT(problem, HasSubstr("404 Not Found: "));
  EXPECT_THAT(problem, HasSubstr(gateway.problem()));
}

TEST(ClientWsUpgrade, WaitsForTheBodyOfARefusal) {
  const std::string head = "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\n";
  EXPECT_EQ(read(head + "no such").value(), 0U);
  EXPECT_THAT(problem_of(head + "no such\n"), HasSubstr("404 Not Found: no such"));
  EXPECT_THAT(problem_of(head + "no", /*ended=*/true), HasSubstr("404 Not Found: no"));
  const std::string unbounded = "HTTP/1.0 502 Bad Gateway\r\n\r\n";
  EXPECT_EQ(read(unbounded).value(), 0U);
  EXPECT_THAT(problem_of(unbounded, /*ended=*/true), HasSubstr("502 Bad Gateway"));
}

TEST(ClientWsUpgrade, LetsNoControlCharactersThrough) {
  EXPECT_THAT(problem_of("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n\x1b[2J"),
              HasSubstr("404 Not Found: \\x1b[2J"));
}

TEST(ClientWsUpgrade, BoundsTheResponse) {
  const std::string long_field = "X: " + std::string(8192, 'x') + "\r\n";
  EXPECT_THAT(problem_of(response_with("any", long_field)), HasSubstr("above 8 KiB"));
  EXPECT_THAT(problem_of("HTTP/1.1 101 " + std::string(8192, 'x')), HasSubstr("above 8 KiB"));
  EXPECT_THAT(problem_of("HTTP/1.1 404 Not Found\r\n\r\n" + std::string(9000, 'x')),
              HasSubstr("404 Not Found"));
  EXPECT_THAT(problem_of("HTTP/1.1 404 Not Found\r\nContent-Length: 9000\r\n\r\n"),
              HasSubstr("404 Not Found"));
}

TEST(ClientWsUpgrade, ChecksTheAcceptance) {
  EXPECT_THAT(problem_of(response_with("s3pPLMBiTxaQ9kYGzzhZRbK+xOoX")), HasSubstr("our key"));
  EXPECT_THAT(problem_of(response_with("S3PPLMBITXAQ9KYGZZHZRBK+XOO=")), HasSubstr("our key"))
      << "base64 is not the same in any case";
  EXPECT_THAT(problem_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\n\r\n"),
              HasSubstr("our key"));
  EXPECT_THAT(problem_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n"
                         "Connection: Upgrade\r\n\r\n"),
              HasSubstr("lacks Upgrade: websocket"));
  EXPECT_THAT(problem_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
              HasSubstr("lacks Connection: Upgrade"));
}

TEST(ClientWsUpgrade, RefusesWhatWasNotOffered) {
  for (const char* field :
       {"Sec-WebSocket-Extensions: permessage-deflate\r\n", "Sec-WebSocket-Protocol: chat\r\n"}) {
    EXPECT_THAT(problem_of(response_with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", field)),
                HasSubstr("not offered"));
  }
}

TEST(ClientWsUpgrade, NoticesWhatIsNoHttp) {
  EXPECT_THAT(problem_of("SSH-2.0-OpenSSH_9.2\r\n"), HasSubstr("does not speak HTTP"));
  EXPECT_THAT(problem_of(std::string("\x08\0\0\0\0", 5)), HasSubstr("does not speak HTTP"));
  EXPECT_THAT(problem_of("HTTP/2"), HasSubstr("does not speak HTTP"));
  EXPECT_THAT(problem_of("HTTP/1.1 nonsense\r\n\r\n"), HasSubstr("no valid HTTP response"));
  EXPECT_EQ(read("").value(), 0U);
  EXPECT_THAT(problem_of("", /*ended=*/true), HasSubstr("closed the connection"));
  EXPECT_THAT(problem_of("HTTP/1.1 101 Swi", /*ended=*/true), HasSubstr("closed the connection"));
}

}  // namespace
}  // namespace ringgate
