#include "tests/integration/ws_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "codec/unmask.h"
#include "control/base/text.h"

namespace ringgate::test {
namespace {

constexpr std::size_t kMaxMessage = 64 * 1024 * 1024;

std::string masked(std::string_view payload, WsMaskKey key) {
  std::string bytes(payload);
  unmask({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}, key);
  return bytes;
}

WsMaskKey next_key() {
  static std::uint32_t last = 0x12345678;
  last = last * 1'664'525 + 1'013'904'223;
  WsMaskKey key;
  store_be(key.data(), last);
  return key;
}

std::string head_of(Opcode opcode, std::size_t payload_bytes, bool fin, WsMaskKey key) {
  std::uint8_t bytes[kMaxWsFrameHeadBytes];
  const std::uint8_t* const end = write_ws_client_head(bytes, opcode, payload_bytes, key);
  if (!fin) bytes[0] &= 0x7f;
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes)};
}

Arrival arrival_of(Opcode opcode, std::string_view payload) {
  Arrival arrival;
  if (opcode == Opcode::kBinary) static_cast<Event&>(arrival) = read_packet(payload);
  if (opcode != Opcode::kBinary) arrival.kind = Event::Kind::kFrame;
  arrival.opcode = opcode;
  arrival.payload = payload;
  if (opcode != Opcode::kClose) return arrival;
  const WsClose close = parse_close(as_bytes(payload));
  if (close.status != WsCloseStatus::kOk) throw std::runtime_error("a close that is not valid");
  arrival.kind = Event::Kind::kClose;
  arrival.close_code = static_cast<int>(close.code);
  arrival.payload = close.reason;
  return arrival;
}

}  // namespace

std::string http_head(std::string_view first_line, const std::vector<std::string>& fields) {
  std::string text(first_line);
  text += "\r\n";
  for (const std::string& field : fields) text.append(field).append("\r\n");
  return text + "\r\n";
}

std::string upgrade_request(const std::vector<std::string>& more, std::string_view path) {
  std::vector<std::string> fields = {"Host: gateway.test", "Upgrade: websocket",
                                     "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                                     "Sec-WebSocket-Key: " + std::string(kUpgradeKey)};
  fields.insert(fields.end(), more.begin(), more.end());
  return http_head("GET " + std::string(path) + " HTTP/1.1", fields);
}

std::string HttpResponse::field(std::string_view name) const {
  std::string values;
  std::size_t at = head.find("\r\n") + 2;
  for (std::size_t end = head.find("\r\n", at); end > at; end = head.find("\r\n", at)) {
    const std::string line = head.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    if (lower_case(line.substr(0, colon)) == lower_case(name)) {
      values.append(values.empty() ? "" : ", ").append(line.substr(colon + 2));
    }
    at = end + 2;
  }
  return values;
}

std::string ws_frame(Opcode opcode, std::string_view payload, bool fin) {
  const WsMaskKey key = next_key();
  return head_of(opcode, payload.size(), fin, key) + masked(payload, key);
}

std::string ws_frame_head(Opcode opcode, std::size_t payload_bytes) {
  return head_of(opcode, payload_bytes, true, next_key());
}

std::string ws_close(std::uint16_t code, std::string_view reason) {
  std::uint8_t bytes[2];
  store_be(bytes, code);
  return ws_frame(Opcode::kClose, std::string(as_text(bytes)).append(reason));
}

std::string ws_frames_of(std::string_view tcp_frames) {
  std::string frames;
  while (!tcp_frames.empty()) {
    const FrameStep step = next_tcp_frame(as_bytes(tcp_frames), kMaxMessage);
    if (step.status != FrameStatus::kFrame) throw std::runtime_error("not whole TCP frames");
    frames += ws_frame(step.frame.opcode, as_text(step.frame.payload));
    tcp_frames.remove_prefix(step.consumed);
  }
  return frames;
}

std::string ws_fragments_of(std::string_view tcp_frame, std::size_t fragment_bytes) {
  std::string_view payload = tcp_frame.substr(kTcpFrameHeadBytes);
  std::string frames;
  Opcode opcode = Opcode::kBinary;
  do {
    const std::string_view part = payload.substr(0, fragment_bytes);
    payload.remove_prefix(part.size());
    frames += ws_frame(opcode, part, payload.empty());
    opcode = Opcode::kContinuation;
  } while (!payload.empty());
  return frames;
}

WsSocket WsSocket::open(std::uint16_t port, const std::vector<std::string>& more,
                        std::string_view path) {
  WsSocket made(Socket::connect(port));
  const HttpResponse response = made.upgrade(more, path);
  if (response.status != 101) throw std::runtime_error("no upgrade: " + response.head);
  return made;
}

HttpResponse WsSocket::upgrade(const std::vector<std::string>& more, std::string_view path) {
  send(upgrade_request(more, path));
  return read_response();
}

HttpResponse WsSocket::read_response() {
  const auto read_up_to = [this](auto&& enough) {
    while (!enough()) {
      if (!socket_.read_some(input_)) throw std::runtime_error("ends within HTTP: " + input_);
    }
  };
  read_up_to([this] { return input_.find("\r\n\r\n") != std::string::npos; });
  if (!input_.starts_with("HTTP/1.1 ")) throw std::runtime_error("no HTTP: " + input_);
  HttpResponse response;
  response.status = std::atoi(input_.c_str() + 9);
  response.head = input_.substr(0, input_.find("\r\n\r\n") + 4);
  input_.erase(0, response.head.size());
  const std::string length = response.field("Content-Length");
  const std::size_t body_bytes = length.empty() ? 0 : std::stoul(length);
  read_up_to([&] { return input_.size() >= body_bytes; });
  response.body = input_.substr(0, body_bytes);
  input_.erase(0, body_bytes);
  return response;
}

Arrival WsSocket::next(std::chrono::milliseconds patience) {
  for (;;) {
    const WsFrameStep step =
        next_ws_frame(as_bytes(input_), {.max_data_bytes = kMaxMessage, .from_client = false});
    if (step.status == WsFrameStatus::kFrame) {
      if (!step.head.fin) throw std::runtime_error("a fragment from the gateway");
      const std::string payload = input_.substr(step.head.head_bytes, step.head.payload_bytes);
      input_.erase(0, step.consumed);
      return arrival_of(step.head.opcode, payload);
    }
    if (step.status != WsFrameStatus::kNeedMore) {
      throw std::runtime_error("bytes that are no frame of a server");
    }
    if (!socket_.read_some(input_, patience)) {
      if (!input_.empty()) throw std::runtime_error("the stream ended within a frame");
      return {};
    }
  }
}

bool WsSocket::has_next(std::chrono::milliseconds patience) {
  return !input_.empty() || socket_.readable(patience);
}

void expect_closed(WsSocket& client, WsCloseCode code, std::string_view reason) {
  const Arrival close = client.next();
  EXPECT_EQ(close.kind, Event::Kind::kClose) << close;
  EXPECT_EQ(close.close_code, static_cast<int>(code));
  EXPECT_EQ(close.payload, reason);
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

AnyClient::AnyClient(const Server& server, Transport transport) {
  if (transport == Transport::kTcp) {
    frames_ = server.connect();
  } else {
    frames_ = WsSocket::open(server.ws_port());
  }
}

void AnyClient::send(std::string_view tcp_frames) {
  if (auto* const tcp = std::get_if<FrameSocket>(&frames_)) {
    tcp->send(tcp_frames);
  } else {
    ws().send_packets(tcp_frames);
  }
}

Arrival AnyClient::next() {
  if (auto* const tcp = std::get_if<FrameSocket>(&frames_)) return {tcp->next(), 0};
  return ws().next();
}

Socket& AnyClient::socket() {
  return std::visit([](auto& frames) -> Socket& { return frames.socket(); }, frames_);
}

unsigned AnyClient::shard() const {
  return Client{{}, account, channel}.shard();
}

void expect_closed(AnyClient& client, WsCloseCode code, std::string_view reason) {
  const Arrival close = client.next();
  EXPECT_EQ(close.kind, Event::Kind::kClose) << close;
  const bool over_tcp = close.close_code == 0;
  EXPECT_TRUE(over_tcp || close.close_code == static_cast<int>(code)) << close.close_code;
  EXPECT_EQ(close.payload, reason);
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

template <class AClient>
static void expect_sent_away_of(AClient& client) {
  const Arrival close = client.next();
  EXPECT_TRUE(sends_away(close)) << close;
  EXPECT_TRUE(close.close_code == 0 || close.close_code == 1001) << close.close_code;
  EXPECT_EQ(client.next().kind, Event::Kind::kEnd);
}

void expect_sent_away(WsSocket& client) {
  expect_sent_away_of(client);
}

void expect_sent_away(AnyClient& client) {
  expect_sent_away_of(client);
}

namespace {

AnyClient start_login(const Server& gateway, const std::string& account, Transport transport) {
  AnyClient client(gateway, transport);
  client.account = account;
  client.send(login(token(account, {.secret = gateway.secret()})));
  return client;
}

void end_login(AnyClient& client) {
  const Arrival answer = client.next();
  if (!answer.is_answer(1)) throw std::runtime_error("the login of " + client.account + " failed");
  client.channel = answer.parse<pkt::LoginResp>().channelid();
}

}  // namespace

AnyClient log_in(const Server& gateway, Link& login_service, const std::string& account,
                 Transport transport) {
  AnyClient client = start_login(gateway, account, transport);
  answer_login(login_service, account);
  end_login(client);
  return client;
}

AnyClient log_in(const Server& gateway, const std::string& account, Transport transport) {
  AnyClient client = start_login(gateway, account, transport);
  end_login(client);
  return client;
}

std::string name_of(Transport transport) {
  return transport == Transport::kTcp ? "Tcp" : "WebSocket";
}

}  // namespace ringgate::test
