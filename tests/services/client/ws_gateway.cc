#include "tests/services/client/ws_gateway.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "codec/ws_frame.h"
#include "tests/common/made_socket.h"

namespace ringgate {
namespace {

constexpr int kPatienceMs = 20'000;
constexpr std::size_t kMaxBytes = 1 << 24;

WsSent unmasked(const WsFrameStep& step, ByteView bytes) {
  WsSent sent{.opcode = step.head.opcode,
              .key = step.head.key,
              .payload = std::string(
                  as_text(bytes.subspan(step.head.head_bytes, step.head.payload_bytes)))};
  unmask({reinterpret_cast<std::uint8_t*>(sent.payload.data()), sent.payload.size()}, sent.key);
  return sent;
}

}  // namespace

std::string as_ws(const std::string& tcp_frame) {
  const FrameStep step = next_tcp_frame(as_bytes(tcp_frame), kMaxBytes);
  EXPECT_EQ(step.status, FrameStatus::kFrame);
  EXPECT_EQ(step.consumed, tcp_frame.size());
  return ws_frame(step.frame.opcode, as_text(step.frame.payload));
}

std::string ws_frame(Opcode opcode, std::string_view payload, bool fin) {
  std::array<std::uint8_t, kMaxWsServerHeadBytes> head{};
  const std::uint8_t* const end = write_ws_frame_head(head.data(), opcode, payload.size());
  if (!fin) head[0] &= 0x7f;
  return std::string(as_text(ByteView(head.data(), end))).append(payload);
}

std::string ws_close(WsCloseCode code, std::string_view reason) {
  std::array<std::uint8_t, kMaxWsCloseFrameBytes> bytes{};
  const std::uint8_t* const end = write_ws_close_frame(bytes.data(), code, reason);
  return std::string(as_text(ByteView(bytes.data(), end)));
}

std::vector<WsSent> parse_ws_sent(std::string_view bytes) {
  std::vector<WsSent> all;
  while (!bytes.empty()) {
    const WsFrameStep step = next_ws_frame(as_bytes(bytes), {.max_data_bytes = kMaxBytes});
    if (step.status != WsFrameStatus::kFrame) {
      ADD_FAILURE() << "what the client sent is no whole frame";
      break;
    }
    EXPECT_TRUE(step.head.fin);
    all.push_back(unmasked(step, as_bytes(bytes)));
    bytes.remove_prefix(step.consumed);
  }
  return all;
}

WsCloseCode close_code_in(const WsSent& sent) {
  EXPECT_EQ(sent.opcode, Opcode::kClose);
  return parse_close(as_bytes(sent.payload)).code;
}

WsGateway::WsGateway() : listener_(test::made_socket(AF_INET, SOCK_STREAM)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(listener_.get(), generic, length), 0);
  EXPECT_EQ(getsockname(listener_.get(), generic, &length), 0);
  EXPECT_EQ(listen(listener_.get(), 8), 0);
  port_ = ntohs(address.sin_port);
}

std::string WsGateway::take_request() {
  client_.reset(accept(listener_.get(), nullptr, nullptr));
  if (!client_) throw std::system_error(errno, std::generic_category(), "accept");
  while (received_.find("\r\n\r\n") == std::string::npos) {
    const std::string more = read_some();
    if (more.empty()) break;
    received_ += more;
  }
  return std::exchange(received_, {});
}

void WsGateway::upgrade(const WsUpgradeOptions& options, const std::string& first) {
  const std::string request = take_request();
  WsUpgrade upgrade(options);
  const UpgradeStep step = upgrade.feed(as_bytes(request));
  EXPECT_NE(step.status, UpgradeStatus::kNeedMore);
  EXPECT_EQ(step.consumed, request.size()) << "nothing may be sent before the answer";
  put(upgrade.response() + first);
}

void WsGateway::put(std::string_view bytes) const {
  EXPECT_EQ(send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

WsSent WsGateway::next_frame() {
  while (true) {
    const WsFrameStep step = next_ws_frame(as_bytes(received_), {.max_data_bytes = kMaxBytes});
    if (step.status == WsFrameStatus::kFrame) {
      WsSent sent = unmasked(step, as_bytes(received_));
      received_.erase(0, step.consumed);
      return sent;
    }
    EXPECT_EQ(step.status, WsFrameStatus::kNeedMore);
    const std::string more = read_some();
    if (more.empty() || step.status != WsFrameStatus::kNeedMore) {
      ADD_FAILURE() << "the client sent nothing more";
      return {};
    }
    received_ += more;
  }
}

Sent WsGateway::next() {
  const WsSent sent = next_frame();
  const std::vector<Sent> parsed = parse_sent(frame(sent.opcode, sent.payload));
  return parsed.empty() ? Sent{} : parsed.front();
}

std::string WsGateway::read_some() const {
  pollfd waiting{client_.get(), POLLIN, 0};
  std::array<char, 4096> buffer{};
  ssize_t bytes = -1;
  if (poll(&waiting, 1, kPatienceMs) == 1) {
    bytes = recv(client_.get(), buffer.data(), buffer.size(), 0);
  }
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0))};
}

}  // namespace ringgate
