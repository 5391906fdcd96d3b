// A shard over the fake kernel, turned by the test itself, and a handler of lambdas.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codec/packet.h"
#include "dataplane/shard.h"
#include "tests/dataplane/fake_kernel.h"
#include "tests/dataplane/test_names.h"

namespace ringgate::test {

// Counts what it is told; a test gives what it wants done.
class ScriptedHandler : public Handler {
 public:
  std::function<void(Connection&)> accepted = [](Connection&) {};
  std::function<void(Connection&, const AdoptedFor&)> adopted = [](auto&, auto&) {};
  std::function<void(Connection&, ByteView)> packet = [](auto&, auto) {};
  std::function<void(Connection&, std::string_view)> words = [](auto&, auto) {};
  std::function<void(Connection&, CloseReason)> closed = [](auto&, auto) {};
  std::function<void(Connection&)> sent = [](auto&) {};
  std::function<void(Connection&)> deadline = [](auto&) {};
  std::function<void()> tick = [] {};
  std::function<void()> batch_end = [] {};
  std::vector<CloseReason> reasons;  // of the closes, in order
  int deadlines = 0;
  int ticks = 0;
  Shard* shard = nullptr;
  HandlerNames its_names = kTestNames;

  [[nodiscard]] HandlerNames names() const noexcept override { return its_names; }
  void on_start(Shard& its_shard) override { shard = &its_shard; }
  void on_accept(Connection& connection) override { accepted(connection); }
  void on_adopt(Connection& connection, const AdoptedFor& what) override {
    adopted(connection, what);
  }
  void on_packet(Connection& connection, ByteView payload) override { packet(connection, payload); }
  void on_close(Connection& connection, CloseReason reason) override {
    reasons.push_back(reason);
    closed(connection, reason);
  }
  void on_text(Connection& connection, ByteView payload) override {
    words(connection, as_text(payload));
  }
  void on_sent(Connection& connection) override { sent(connection); }
  void on_deadline(Connection& connection) override {
    ++deadlines;
    deadline(connection);
  }
  void on_mail(std::uint32_t from, MailKind kind, ByteView) override {
    shard->unknown_mail(from, kind);
  }
  void on_tick() override {
    ++ticks;
    tick();
  }
  void on_batch_end() override { batch_end(); }
};

inline ShardOptions small_shard() {
  ShardOptions options;
  options.max_clients = 20;
  options.max_links = 4;
  options.time_ms = &FakeKernel::now_ms;
  options.stall_ms = 0;  // time goes in leaps
  options.ring.client_buffers = 16;
  options.ring.client_buffer_bytes = 256;
  options.ring.link_buffers = 8;
  options.ring.link_buffer_bytes = 1024;
  return options;
}

inline std::vector<Listener> open_listeners(const std::vector<Transport>& transports) {
  std::vector<Listener> listeners;
  listeners.reserve(transports.size());
  for (const Transport transport : transports) {
    listeners.push_back({std::move(*ListenerSet::open({"127.0.0.1", 0}, 1, false)), transport, {}});
  }
  return listeners;
}

struct FakeShard {
  explicit FakeShard(std::uint64_t seed, const Faults& faults = {},
                     const ShardOptions& options = small_shard(), Handler* given = nullptr,
                     const std::vector<Transport>& transports = {Transport::kTcp})
      : FakeShard(seed, faults, options, given, open_listeners(transports)) {}
  FakeShard(std::uint64_t seed, const Faults& faults, const ShardOptions& options, Handler* given,
            std::vector<Listener> opened)
      : kernel(seed, faults),
        board(std::move(*Switchboard::create(options.shards, 0, 64 * 1024))),
        listeners(std::move(opened)),
        shard(options, *board, given != nullptr ? *given : handler) {
    EXPECT_TRUE(shard.start(AcceptMode::kDirect, listeners));
  }

  void turn(unsigned wait_ms = 1) { shard.iterate(wait_ms); }
  // Until the condition holds; false: it did not in `turns`.
  template <class Condition>
  bool turn_until(Condition&& condition, unsigned wait_ms = 1, int turns = 5000) {
    for (int i = 0; i < turns && !condition(); ++i) turn(wait_ms);
    return condition();
  }
  // Through the listener of that number.
  FakePeer& connect(std::size_t listener_index = 0) {
    FakePeer& peer = kernel.connect(listeners[listener_index].sockets.port());
    EXPECT_TRUE(turn_until([&] { return peer.accepted; }));
    turn();
    return peer;
  }
  // From control.
  void post(MailKind kind, ByteView message) {
    const std::uint32_t control = board->control();
    std::uint8_t* const room =
        board->box(control, shard.index()).reserve(kind, message.size(), Urgency::kControl);
    ASSERT_NE(room, nullptr);
    std::memcpy(room, message.data(), message.size());
    EXPECT_FALSE(board->publish(control, shard.index()));  // it does not sleep between turns
  }
  // As control hands a socket over; for its peer's number, unless said otherwise.
  FakePeer& adopt(AdoptedFor what = {}) {
    FakePeer* peer = nullptr;
    sockaddr_storage nowhere{};
    const int fd = kernel.connect_fd(peer);
    if (what.subject == 0) what.subject = peer->id;
    post(kMailAdopt, bytes_of(AdoptMail{fd, 0, PeerAddress::from(nowhere), what}));
    turn();
    return *peer;
  }
  // Everything is given back and nothing is in use.
  void expect_idle() {
    EXPECT_EQ(shard.table().clients(), 0U);
    EXPECT_EQ(shard.table().links(), 0U);
    EXPECT_EQ(shard.pool().used_bytes(), 0U);
    EXPECT_EQ(kernel.buffers_out(), 0U);
    EXPECT_EQ(kernel.open_sockets(), 0U);
    EXPECT_EQ(shard.counters().get(Gauge::kClients), 0U);
    EXPECT_EQ(shard.counters().get(Gauge::kLinks), 0U);
    EXPECT_EQ(shard.counters().get(Gauge::kWebSockets), 0U);
    EXPECT_EQ(shard.counters().get(Gauge::kPolled), 0U);
  }

  FakeKernel kernel;
  ScriptedHandler handler;
  std::unique_ptr<Switchboard> board;
  std::vector<Listener> listeners;
  Listener& listener = listeners.front();
  Shard shard;
};

inline std::vector<std::uint8_t> frame(Opcode opcode, ByteView payload) {
  std::vector<std::uint8_t> bytes(kTcpFrameHeadBytes + payload.size());
  write_tcp_frame_head(bytes.data(), opcode, static_cast<std::uint32_t>(payload.size()));
  std::ranges::copy(payload, bytes.begin() + kTcpFrameHeadBytes);
  return bytes;
}

inline std::vector<std::uint8_t> frame(Opcode opcode, std::string_view payload) {
  return frame(opcode, as_bytes(payload));
}

inline std::string text(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace ringgate::test
