// One shard of a gateway over the fake kernel, and the context that its parts share. There is no
// GatewayHandler: a test calls the part that it is about, and says what becomes of packets.
//
// The test is the clients, the services at the other end of links, the other shards and control.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/pkt.pb.h"
#include "services/gateway/channel.h"
#include "services/gateway/counters.h"
#include "services/gateway/parts/context.h"
#include "services/gateway/parts/pushes/delivery.h"
#include "tests/dataplane/shard_fixture.h"

namespace ringgate::test {

inline constexpr std::uint32_t kLogin = 1;  // upstreams
inline constexpr std::uint32_t kEcho = 2;
inline constexpr std::string_view kSecret = "a secret of the tests";

// The payload of a frame, and a parsed view of it.
struct PacketBytes {
  explicit PacketBytes(const OutgoingHeader& header, std::string_view body = {});
  [[nodiscard]] Packet parsed() const;
  [[nodiscard]] std::vector<std::uint8_t> framed() const { return frame(Opcode::kBinary, bytes); }
  std::vector<std::uint8_t> bytes;
};

// A packet of a service as Deliveries hands it to other parts.
struct DeliveredPacket {
  DeliveredPacket(std::uint32_t upstream, const OutgoingHeader& header, std::string_view body = {});
  PacketBytes packet;
  Delivery delivery;  // its views are of `packet`
};

// What a peer has got.
struct Got {
  std::string closed;  // a close frame, and its words; else a packet
  pkt::Header header;
  std::string body;
};

struct Mail {
  MailKind kind;
  std::vector<std::uint8_t> message;
};

struct TestClient {
  FakePeer* peer;
  Connection* connection;
};

GatewayOptions gateway_options();
ShardOptions gateway_shard(std::uint32_t shards = 1);

class GatewayShard {
 public:
  explicit GatewayShard(const GatewayOptions& options = gateway_options(),
                        const ShardOptions& shard = gateway_shard());

  // A connection without a channel.
  TestClient connect();
  // The same with a channel of that account, app kim.
  TestClient channel(std::string_view account, ChannelState state = ChannelState::kLoggedIn);
  // A link of that upstream to the test.
  FakePeer& link(std::uint32_t upstream);

  // Everything that can be done now is done.
  void settle();
  // Of the time the shard looks at.
  void pass(std::uint32_t ms);
  // Packets and close frames that have come since the last call; pings are left out.
  std::vector<Got> got(FakePeer& peer);
  // What was mailed to that endpoint since the last call.
  std::vector<Mail> mail(std::uint32_t to);
  // Of that kind, to control.
  std::vector<Mail> told(MailKind kind);

  template <NamedBy<CounterName> Enum>
  [[nodiscard]] std::uint64_t count(Enum counter) const {
    return it.shard.counters().get(counter);
  }
  template <NamedBy<GaugeName> Enum>
  [[nodiscard]] std::uint64_t gauge(Enum gauge) const {
    return it.shard.counters().get(gauge);
  }

  FakeShard it;
  GatewayCounters counters;
  GatewayContext context;
  Catalogue catalogue;  // login and echo, both adult
  // A client's channel ends, which is no longer its connection's. The test destroys it.
  std::function<void(Connection&, Channel&)> channel_ended;

 private:
  void closed(Connection& connection, CloseReason reason);

  Connection* accepted_ = nullptr;  // last
  std::uint32_t next_login_ = 1000;
  std::uint32_t next_epoch_ = 1;
};

}  // namespace ringgate::test
