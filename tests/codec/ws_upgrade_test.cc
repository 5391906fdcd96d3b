#include "codec/ws_upgrade.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace ringgate {
namespace {

// The request of RFC 6455, section 1.2; a test changes one field of it.
class RequestText {
 public:
  RequestText& line(std::string text) {
    line_ = std::move(text);
    return *this;
  }
  RequestText& set(const std::string& name, std::string value) {
    remove(name);
    return add(name, std::move(value));
  }
  RequestText& add(const std::string& name, std::string value) {
    fields_.emplace_back(name, std::move(value));
    return *this;
  }
  RequestText& remove(const std::string& name) {
    std::erase_if(fields_, [&name](const auto& field) { return field.first == name; });
    return *this;
  }
  std::string text() const {
    std::string text = line_ + "\r\n";
    for (const auto& [name, value] : fields_) {
      text.append(name).append(": ").append(value).append("\r\n");
    }
    return text.append("\r\n");
  }

 private:
  std::string line_ = "GET /chat HTTP/1.1";
  std::vector<std::pair<std::string, std::string>> fields_ = {
      {"Host", "server.example.com"},   {"Upgrade", "websocket"},
      {"Connection", "Upgrade"},        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
      {"Origin", "http://example.com"}, {"Sec-WebSocket-Protocol", "chat, superchat"},
      {"Sec-WebSocket-Version", "13"},
  };
};

const WsUpgradeOptions kOptions = {
    .path = "/chat", .allowed_origins = {"http://example.com"}, .subprotocol = ""};

struct Outcome {
  int http_status = 0;
  std::string response;
  std::string forwarded_for;
  std::size_t consumed = 0;

  bool operator==(const Outcome&) const = default;
};

Outcome upgrade(std::string_view text, const WsUpgradeOptions& options, std::size_t chunk_bytes) {
  // On the heap and thrown away, as a connection has it; each chunk is a copy of its own.
  const auto upgrade = std::make_unique<WsUpgrade>(options);
  Outcome outcome;
  while (!text.empty() && outcome.http_status == 0) {
    const std::string chunk(text.substr(0, chunk_bytes));
    const UpgradeStep step = upgrade->feed(as_bytes(chunk));
    EXPECT_EQ(step.status == UpgradeStatus::kNeedMore, upgrade->http_status() == 0);
    EXPECT_EQ(step.status == UpgradeStatus::kAccepted, upgrade->http_status() == 101);
    outcome.http_status = upgrade->http_status();
    outcome.consumed += step.consumed;
    text.remove_prefix(chunk.size());
  }
  outcome.response = upgrade->response();
  outcome.forwarded_for = upgrade->forwarded_for();
  return outcome;
}

Outcome upgrade(std::string_view text, const WsUpgradeOptions& options = kOptions) {
  const Outcome whole = upgrade(text, options, text.size());
  EXPECT_EQ(upgrade(text, options, 1), whole);
  EXPECT_EQ(upgrade(text, options, 7), whole);
  EXPECT_EQ(upgrade(text, options, 100), whole);
  return whole;
}

int status_of(const RequestText& request, const WsUpgradeOptions& options = kOptions) {
  return upgrade(request.text(), options).http_status;
}

// Status line and fields of a response; the body under "".
std::map<std::string, std::string> split(const std::string& response) {
  std::map<std::string, std::string> parts;
  const std::size_t end = response.find("\r\n\r\n");
  EXPECT_NE(end, std::string::npos);
  parts[""] = response.substr(end + 4);
  std::size_t at = response.find("\r\n") + 2;
  parts["status"] = response.substr(0, at - 2);
  while (at < end) {
    const std::size_t next = response.find("\r\n", at);
    const std::size_t colon = response.find(": ", at);
    parts[response.substr(at, colon - at)] = response.substr(colon + 2, next - colon - 2);
    at = next + 2;
  }
  return parts;
}

TEST(WsUpgrade, ExampleOfTheRfc) {
  EXPECT_EQ(ws_accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const Outcome outcome = upgrade(RequestText().text());
  EXPECT_EQ(outcome.http_status, 101);
  EXPECT_EQ(outcome.response,
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(WsUpgrade, PipelinedBytesAreTheCallers) {
  const std::string request = RequestText().text();
  const std::string frames = "\x82\x80\r\n\r\n" + std::string(9'000, '\0');
  const Outcome outcome = upgrade(request + frames);
  EXPECT_EQ(outcome.http_status, 101);
  EXPECT_EQ(outcome.consumed, request.size());
  WsUpgrade once(kOptions);
  EXPECT_EQ(once.feed(as_bytes(request)).status, UpgradeStatus::kAccepted);
  const UpgradeStep again = once.feed(as_bytes(frames));
  EXPECT_EQ(again.status, UpgradeStatus::kAccepted);
  EXPECT_EQ(again.consumed, 0U);
}

TEST(WsUpgrade, NamesAndTokensIgnoreCase) {
  RequestText request;
  request.remove("Upgrade").remove("Connection").remove("Host");
  request.add("UPGRADE", "WebSocket").add("connection", "keep-alive, UPGRADE").add("hOST", "h");
  EXPECT_EQ(status_of(request), 101);
}

TEST(WsUpgrade, ListsMayComeInSeveralFields) {
  RequestText request;
  request.set("Connection", "keep-alive").add("Connection", "\tUpgrade ");
  request.set("Upgrade", "h2c,websocket");
  EXPECT_EQ(status_of(request), 101);
  EXPECT_EQ(status_of(RequestText().set("Connection", "keep-alive, not-upgrade")), 400);
  EXPECT_EQ(status_of(RequestText().set("Upgrade", "websockets")), 400);
}

TEST(WsUpgrade, EveryRequiredField) {
  for (const char* name : {"Host", "Upgrade", "Connection", "Sec-WebSocket-Key"}) {
    EXPECT_EQ(status_of(RequestText().remove(name)), 400) << name;
    EXPECT_EQ(status_of(RequestText().set(name, "")), 400) << name;
  }
  for (const char* name : {"Host", "Sec-WebSocket-Key"}) {
    EXPECT_EQ(status_of(RequestText().add(name, "dGhlIHNhbXBsZSBub25jZQ==")), 400) << name;
  }
}

TEST(WsUpgrade, MethodAndVersion) {
  EXPECT_EQ(status_of(RequestText().line("POST /chat HTTP/1.1")), 400);
  EXPECT_EQ(status_of(RequestText().line("get /chat HTTP/1.1")), 400);
  EXPECT_EQ(status_of(RequestText().line("GET /chat HTTP/1.0")), 400);
  EXPECT_EQ(status_of(RequestText().line("GET /chat HTTP/2.0")), 400);
  EXPECT_EQ(status_of(RequestText().line("GET /chat")), 400);
  EXPECT_EQ(status_of(RequestText().line("GET  /chat HTTP/1.1")), 400);
}

TEST(WsUpgrade, Path) {
  EXPECT_EQ(status_of(RequestText().line("GET /chat?token=1 HTTP/1.1")), 101);
  EXPECT_EQ(status_of(RequestText().line("GET http://a.example/chat?x HTTP/1.1")), 101);
  for (const char* target : {"/", "/chat/", "/Chat", "/chatter", "//chat", "/?/chat", "*", "chat",
                             "http://a.example", "/?http://a/chat"}) {
    EXPECT_EQ(status_of(RequestText().line(std::string("GET ") + target + " HTTP/1.1")), 404)
        << target;
  }
  const WsUpgradeOptions root = {.path = "/", .allowed_origins = {"*"}, .subprotocol = ""};
  EXPECT_EQ(status_of(RequestText().line("GET / HTTP/1.1"), root), 101);
  EXPECT_EQ(status_of(RequestText().line("GET http://a.example?x HTTP/1.1"), root), 101);
}

TEST(WsUpgrade, AnyPath) {
  WsUpgradeOptions any = kOptions;
  any.path = "/*";
  for (const char* target : {"/", "/chat", "/a/b?c", "http://a.example", "/ch%61t"}) {
    EXPECT_EQ(status_of(RequestText().line(std::string("GET ") + target + " HTTP/1.1"), any), 101)
        << target;
  }
  EXPECT_EQ(status_of(RequestText().line("GET * HTTP/1.1"), any), 404);
  EXPECT_EQ(status_of(RequestText().line("GET /ch%61t HTTP/1.1")), 101) << "it is /chat";
}

TEST(WsUpgrade, WebSocketVersion) {
  for (const char* version : {"8", "", "130", "13, 8"}) {
    const Outcome outcome = upgrade(RequestText().set("Sec-WebSocket-Version", version).text());
    EXPECT_EQ(outcome.http_status, 426) << version;
    auto parts = split(outcome.response);
    EXPECT_EQ(parts["status"], "HTTP/1.1 426 Upgrade Required");
    EXPECT_EQ(parts["Sec-WebSocket-Version"], "13");
    EXPECT_EQ(parts["Upgrade"], "websocket");
    EXPECT_EQ(parts["Connection"], "close, Upgrade");
  }
  EXPECT_EQ(status_of(RequestText().remove("Sec-WebSocket-Version")), 426);
}

TEST(WsUpgrade, Key) {
  for (const char* key :
       {"dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "AAAA", "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZS!ub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==A"}) {
    EXPECT_EQ(status_of(RequestText().set("Sec-WebSocket-Key", key)), 400) << key;
  }
  EXPECT_EQ(status_of(RequestText().set("Sec-WebSocket-Key", "AAECAwQFBgcICQoLDA0ODw==")), 101);
}

TEST(WsUpgrade, Origin) {
  EXPECT_EQ(status_of(RequestText().remove("Origin")), 101);
  for (const char* origin :
       {"http://example.com:8080", "https://example.com", "http://example.com.evil.example", "null",
        "", "http://example.com, http://evil.example", "*"}) {
    EXPECT_EQ(status_of(RequestText().set("Origin", origin)), 403) << origin;
  }
  EXPECT_EQ(status_of(RequestText().add("Origin", "http://evil.example")), 403);
  const WsUpgradeOptions below = {
      .path = "/chat", .allowed_origins = {"https://*.example.com"}, .subprotocol = ""};
  EXPECT_EQ(status_of(RequestText().set("Origin", "https://a.example.com"), below), 101);
  EXPECT_EQ(status_of(RequestText().set("Origin", "https://example.com"), below), 403);
  const WsUpgradeOptions all = {.path = "/chat", .allowed_origins = {"*"}, .subprotocol = ""};
  EXPECT_EQ(status_of(RequestText().set("Origin", "https://any.example"), all), 101);
  const WsUpgradeOptions none = {.path = "/chat", .allowed_origins = {}, .subprotocol = ""};
  EXPECT_EQ(status_of(RequestText(), none), 403);
  EXPECT_EQ(status_of(RequestText().remove("Origin"), none), 101);
}

TEST(WsUpgrade, NoBody) {
  EXPECT_EQ(status_of(RequestText().add("Content-Length", "1")), 400);
  EXPECT_EQ(status_of(RequestText().add("Content-Length", "9999999999999999999999")), 400);
  EXPECT_EQ(status_of(RequestText().add("Content-Length", "x")), 400);
  EXPECT_EQ(status_of(RequestText().add("Transfer-Encoding", "chunked")), 400);
  EXPECT_EQ(status_of(RequestText().add("Content-Length", "0")), 101);
}

TEST(WsUpgrade, Subprotocol) {
  const WsUpgradeOptions options = {
      .path = "/chat", .allowed_origins = {"*"}, .subprotocol = "superchat"};
  EXPECT_EQ(split(upgrade(RequestText().text(), options).response)["Sec-WebSocket-Protocol"],
            "superchat");
  for (const char* offered : {"other", "SuperChat", "superchat2"}) {
    const Outcome outcome =
        upgrade(RequestText().set("Sec-WebSocket-Protocol", offered).text(), options);
    EXPECT_EQ(outcome.http_status, 101);
    EXPECT_FALSE(split(outcome.response).contains("Sec-WebSocket-Protocol")) << offered;
  }
}

TEST(WsUpgrade, ExtensionsAreNotAnswered) {
  RequestText request;
  request.add("Sec-WebSocket-Extensions", "permessage-deflate");
  EXPECT_FALSE(split(upgrade(request.text()).response).contains("Sec-WebSocket-Extensions"));
}

TEST(WsUpgrade, ForwardedForKeepsItsOrder) {
  EXPECT_EQ(upgrade(RequestText().text()).forwarded_for, "");
  RequestText request;
  request.add("X-Forwarded-For", "192.0.2.1, 192.0.2.2").add("x-forwarded-for", " 2001:db8::1 ");
  EXPECT_EQ(upgrade(request.text()).forwarded_for, "192.0.2.1, 192.0.2.2, 2001:db8::1");
}

// A request of exactly `bytes`.
std::string request_of(std::size_t bytes) {
  const std::size_t without = RequestText().add("Cookie", "").text().size();
  return RequestText().add("Cookie", std::string(bytes - without, 'c')).text();
}

TEST(WsUpgrade, SoManyBytesAndNoMore) {
  for (const std::size_t most : {std::size_t{1024}, std::size_t{8192}, kMostUpgradeBytes}) {
    WsUpgradeOptions options = kOptions;
    options.max_bytes = most;
    EXPECT_EQ(upgrade(request_of(most), options).http_status, 101) << most;
    const Outcome over = upgrade(request_of(most + 1), options);
    EXPECT_EQ(over.http_status, 431) << most;
    EXPECT_EQ(over.consumed, most);
    EXPECT_NE(over.response.find("longer than what is taken"), std::string::npos);
    EXPECT_EQ(upgrade("GET /" + std::string(most, 'a'), options).http_status, 431) << most;
  }
  EXPECT_EQ(kOptions.max_bytes, 8192U);
  WsUpgradeOptions more = kOptions;
  more.max_bytes = 10 * kMostUpgradeBytes;
  EXPECT_EQ(upgrade(request_of(kMostUpgradeBytes), more).http_status, 101);
  EXPECT_EQ(upgrade(request_of(kMostUpgradeBytes + 1), more).http_status, 431);
}

// What RFC 9112 has servers take, or allows them to refuse with 400.
TEST(WsUpgrade, SpacesAndEmptyLines) {
  const std::string request = RequestText().text();
  EXPECT_EQ(upgrade("\r\n" + request).http_status, 101);
  EXPECT_EQ(upgrade("\r\n\r\n" + request).http_status, 400);
  EXPECT_EQ(upgrade("\n" + request).http_status, 400);
  EXPECT_EQ(status_of(RequestText().set("Upgrade", "  websocket\t ")), 101);
  EXPECT_EQ(status_of(RequestText().set("Connection", ",keep-alive ,, Upgrade,")), 101);
  EXPECT_EQ(status_of(RequestText().add("X-Empty", "")), 101);
  EXPECT_EQ(status_of(RequestText().add("X-Empty", " \t ")), 101);
  EXPECT_EQ(status_of(RequestText().add("X-Name", "j\xc3\xb8rgen \xff")), 101);
  EXPECT_EQ(status_of(RequestText().add("X-Folded", "one\r\n two")), 101);
  EXPECT_EQ(status_of(RequestText().set("Connection", "keep-alive,\r\n\tUpgrade")), 101);
  EXPECT_EQ(status_of(RequestText().add("X-Space ", "before the colon")), 400);
  EXPECT_EQ(status_of(RequestText().line("GET /chat  HTTP/1.1")), 400);
  EXPECT_EQ(status_of(RequestText().line("GET /chat HTTP/1.1 ")), 400);
}

TEST(WsUpgrade, ManyFields) {
  RequestText request;
  for (int i = 0; i < 200; ++i) request.add("X-" + std::to_string(i), "x");
  EXPECT_EQ(status_of(request), 101);
}

TEST(WsUpgrade, WhatIsNoHttpIsRefusedWithTheByteThatSaysSo) {
  const std::map<std::string, std::size_t> inputs = {
      {"\x16\x03\x01", 1},                // TLS
      {"GET / HTTP/1.1\n", 15},           // LF alone
      {"GET / HTTP/1.1\rX", 16},          // CR alone
      {std::string("GET /\0", 6), 6},     // NUL
      {"GET / HTTP/1.1\r\nA: \x7f", 20},  // DEL
      {"\r\n\r\n", 4},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 28},
      {"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 26},
  };
  for (const auto& [input, consumed] : inputs) {
    const Outcome outcome = upgrade(input + std::string(100, 'z'));
    EXPECT_EQ(outcome.http_status, 400) << input;
    EXPECT_EQ(outcome.consumed, consumed) << input;
  }
}

TEST(WsUpgrade, RefusalsAreWholeResponses) {
  const std::map<std::string, std::string> requests = {
      {"HTTP/1.1 400 Bad Request", RequestText().remove("Upgrade").text()},
      {"HTTP/1.1 403 Forbidden", RequestText().set("Origin", "null").text()},
      {"HTTP/1.1 404 Not Found", RequestText().line("GET /x HTTP/1.1").text()},
      {"HTTP/1.1 431 Request Header Fields Too Large", request_of(9'000)},
  };
  for (const auto& [status, request] : requests) {
    auto parts = split(upgrade(request).response);
    EXPECT_EQ(parts["status"], status);
    EXPECT_EQ(parts["Connection"], "close");
    EXPECT_EQ(parts["Content-Type"], "text/plain; charset=utf-8");
    EXPECT_EQ(parts["Content-Length"], std::to_string(parts[""].size()));
    EXPECT_GT(parts[""].size(), 10U);
  }
}

TEST(WsUpgrade, NoResponseBeforeTheVerdict) {
  WsUpgrade upgrade(kOptions);
  EXPECT_EQ(upgrade.feed(as_bytes("GET /chat")).status, UpgradeStatus::kNeedMore);
  EXPECT_EQ(upgrade.feed({}).status, UpgradeStatus::kNeedMore);
  EXPECT_EQ(upgrade.response(), "");
  EXPECT_EQ(upgrade.http_status(), 0);
}

}  // namespace
}  // namespace ringgate
