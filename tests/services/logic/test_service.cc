#include "tests/services/logic/test_service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "codec/packet.h"
#include "codec/tcp_frame.h"

namespace ringgate {
namespace {

constexpr int kPatienceMs = 10'000;
constexpr std::uint16_t kClosedStatus = 999;

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

TestService::TestService(const TestServiceOptions& options, const MakeSessions& make_sessions,
                         const FillRouter& fill)
    : listener_{value_of(ListenerSet::open({"127.0.0.1", 0}, 1, false))},
      sessions_(options.sessions) {
  MakeMessages make_messages;
  if (options.messages) {
    MessageStoreOptions messages = *options.messages;
    messages.client.endpoint = options.extra_endpoints;
    messages_ = value_of(open_message_store(messages, options.shards));
    make_messages = [thread = messages_.get()](Shard& shard) {
      return messages_of(*thread, shard);
    };
  }
  ShardGroupOptions group;
  group.shards = options.shards;
  group.extra_endpoints = options.extra_endpoints + (options.messages ? 1 : 0);
  group.mailbox_bytes = options.mailbox_bytes;
  group.accept = AcceptMode::kHandOut;
  group.shard.max_clients = 1;
  group.shard.sweep_ms = 5;
  group.shard.ring.sq_entries = 64;
  group.shard.ring.cq_entries = 1024;
  group.shard.ring.client_buffers = 8;
  group_ = value_of(ShardGroup::create(group, [&](std::uint32_t) {
    return make_logic_handler(options.logic, make_sessions, fill, make_messages);
  }));
}

TestService::~TestService() {
  group_->stop();
  for (StoreThread* const store : {messages_.get(), sessions_}) {
    if (store != nullptr) store->stop();
  }
}

void TestService::start() {
  for (StoreThread* const store : {messages_.get(), sessions_}) {
    if (store == nullptr) continue;
    const Result<void> thread = store->start(group_->switchboard());
    if (!thread) throw std::runtime_error(thread.error().message);
  }
  const Result<void> started = group_->start({&listener_, 1});
  if (!started) throw std::runtime_error(started.error().message);
}

bool TestService::wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < kPatienceMs; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

std::string ReceivedPacket::meta(std::string_view key) const {
  for (const pkt::Meta& meta : header.meta()) {
    if (meta.key() == key) return meta.value();
  }
  return {};
}

TestGateway::TestGateway(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("the service does not accept");
  }
}

TestGateway::TestGateway(std::uint16_t port, const std::string& id, std::uint32_t lane,
                         const std::string& boot)
    : TestGateway(port) {
  pkt::InnerHandshakeReq handshake;
  handshake.set_serviceid(id);
  handshake.set_lane(lane);
  handshake.set_boot(boot);
  send_frame(handshake.SerializeAsString());
}

TestGateway::~TestGateway() {
  close(fd_);
}

void TestGateway::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // what is expected of the peer's close shows in what is received
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void TestGateway::send_frame(std::string_view payload) {
  std::uint8_t head[kTcpFrameHeadBytes];
  write_tcp_frame_head(head, Opcode::kBinary, static_cast<std::uint32_t>(payload.size()));
  send_bytes(std::string(as_text({head, sizeof head})).append(payload));
}

void TestGateway::send(const OutgoingHeader& header, std::string_view body) {
  std::string frame(framed_packet_bytes(header, body.size()), '\0');
  write_framed_packet(reinterpret_cast<std::uint8_t*>(frame.data()), header, as_bytes(body));
  send_bytes(frame);
}

bool TestGateway::readable(int within_ms) {
  pollfd file{fd_, POLLIN, 0};
  return poll(&file, 1, within_ms) == 1;
}

std::string TestGateway::receive_exactly(std::size_t bytes) {
  std::string got(bytes, '\0');
  std::size_t at = 0;
  while (at < bytes) {
    if (!readable(kPatienceMs)) {
      ADD_FAILURE() << "nothing came";
      return {};
    }
    const ssize_t size = recv(fd_, got.data() + at, bytes - at, 0);
    if (size <= 0) return {};
    at += static_cast<std::size_t>(size);
  }
  return got;
}

std::string TestGateway::receive_frame() {
  const std::string head = receive_exactly(kTcpFrameHeadBytes);
  if (head.empty()) return {};
  const std::size_t bytes = load_be<std::uint32_t>(as_bytes(head).data() + 1);
  return head + receive_exactly(bytes);
}

ReceivedPacket TestGateway::receive() {
  ReceivedPacket received;
  received.header.set_status(static_cast<pkt::Status>(kClosedStatus));
  const std::string frame = receive_frame();
  if (frame.empty()) return received;
  const Packet packet = parse_packet(as_bytes(frame).subspan(kTcpFrameHeadBytes), 1 << 20);
  EXPECT_EQ(packet.status, PacketStatus::kLogic);
  EXPECT_TRUE(received.header.ParseFromString(std::string(as_text(packet.header))));
  received.body = as_text(packet.body);
  return received;
}

bool TestGateway::closed_by_peer() {
  return receive_frame().empty() && !testing::Test::HasFailure();
}

}  // namespace ringgate
