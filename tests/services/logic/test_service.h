// A logic service on a port of its own, and the gateways that talk to it over blocking sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "dataplane/shard_group.h"
#include "services/logic/counters.h"
#include "services/logic/service.h"
#include "services/store/message_options.h"

namespace ringgate {

struct TestServiceOptions {
  std::uint32_t shards = 1;
  std::uint32_t extra_endpoints = 0;
  std::size_t mailbox_bytes = 1 << 20;
  LogicOptions logic = {};
  // Of Context::messages(), on one more thread.
  std::optional<MessageStoreOptions> messages = {};
  // The thread of the session store, of one of the extra endpoints: started and stopped with the
  // service, which it outlives. Null: it has none, or it is never started.
  StoreThread* sessions = nullptr;
};

class TestService {
 public:
  TestService(const TestServiceOptions& options, const MakeSessions& make_sessions,
              const FillRouter& fill);
  ~TestService();
  TestService(const TestService&) = delete;
  TestService& operator=(const TestService&) = delete;

  [[nodiscard]] std::uint16_t port() const { return listener_.sockets.port(); }
  [[nodiscard]] ShardGroup& group() { return *group_; }
  [[nodiscard]] const StoreThread& messages() const { return *messages_; }
  void start();
  template <NamedBy<CounterName> Enum>
  [[nodiscard]] std::uint64_t count(Enum counter) const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < group_->size(); ++i) {
      sum += group_->shard(i).counters().get(counter);
    }
    return sum;
  }
  // Until the counter, over all shards, is at least that; false after 10 s.
  template <NamedBy<CounterName> Enum>
  [[nodiscard]] bool wait_for(Enum counter, std::uint64_t at_least) const {
    return wait_until([&] { return count(counter) >= at_least; });
  }

 private:
  [[nodiscard]] static bool wait_until(const std::function<bool()>& condition);

  Listener listener_;
  std::unique_ptr<StoreThread> messages_;  // its clients, in the shards, go before it
  StoreThread* sessions_;
  std::unique_ptr<ShardGroup> group_;
};

struct ReceivedPacket {
  pkt::Header header;
  std::string body;

  [[nodiscard]] std::string meta(std::string_view key) const;
  template <class Message>
  [[nodiscard]] Message parse() const {
    Message message;
    if (!message.ParseFromString(body)) message.Clear();
    return message;
  }
};

class TestGateway {
 public:
  explicit TestGateway(std::uint16_t port);
  // With a handshake.
  // With a boot it is one of ours.
  TestGateway(std::uint16_t port, const std::string& id, std::uint32_t lane = 0,
              const std::string& boot = {});
  ~TestGateway();
  TestGateway(const TestGateway&) = delete;
  TestGateway& operator=(const TestGateway&) = delete;

  void send_bytes(std::string_view bytes);
  // A binary frame.
  void send_frame(std::string_view payload);
  void send(const OutgoingHeader& header, std::string_view body = {});
  // One frame with its head; empty: the peer closed. Fails the test after 10 s.
  [[nodiscard]] std::string receive_frame();
  // The next packet; the status is 999 when the peer closed.
  [[nodiscard]] ReceivedPacket receive();
  // Nothing has come within that time: for loops that wait for a condition.
  [[nodiscard]] bool readable(int within_ms);
  [[nodiscard]] bool closed_by_peer();

 private:
  [[nodiscard]] std::string receive_exactly(std::size_t bytes);

  int fd_ = -1;
};

}  // namespace ringgate
