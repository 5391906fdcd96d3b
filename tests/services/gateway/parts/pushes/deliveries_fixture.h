// Deliveries with the parts that it hands packets to: the test is the services, their clients and
// the other shards.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/gateway/mail.h"
#include "services/gateway/parts/pushes/deliveries.h"
#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate::test {

using Bodies = std::vector<std::string>;

class DeliveriesPart : public testing::Test {
 protected:
  explicit DeliveriesPart(std::uint32_t shards = 1) : DeliveriesPart(gateway_shard(shards)) {}
  explicit DeliveriesPart(const ShardOptions& options) : gateway_(gateway_options(), options) {
    gateway_.it.handler.batch_end = [this] { deliveries_.on_batch_end(); };
    gateway_.it.handler.packet = [this](Connection& connection, ByteView payload) {
      if (connection.role == Role::kLink) deliveries_.on_link_packet(connection, payload);
    };
    gateway_.it.handler.sent = [this](Connection& connection) {
      deliveries_.on_sent(connection, *channel_of(connection));
    };
    gateway_.channel_ended = [this](Connection& connection, Channel& channel) {
      deliveries_.ended(connection);
      Channel::destroy(gateway_.it.shard.pool(), &channel);
    };
    echo_ = &gateway_.link(kEcho);
    login_ = &gateway_.link(kLogin);
  }
  void send(FakePeer& link, const OutgoingHeader& header, std::string_view body = {}) {
    link.send(PacketBytes(header, body).framed());
    gateway_.settle();
  }
  void push(const std::string& channels, std::string_view body,
            std::string_view command = "echo.push") {
    send(*echo_,
         {.command = command, .flag = Flag::kPush, .dest_server = "g1", .dest_channels = channels},
         body);
  }
  void answer(const std::string& channel, std::uint32_t sequence, std::string_view body) {
    send(*echo_,
         {.command = "echo.test",
          .sequence = sequence,
          .flag = Flag::kResponse,
          .dest_server = "g1",
          .dest_channels = channel},
         body);
  }
  void kick_out(const std::string& channel) {
    send(*login_, {.command = kCommandSignIn,
                   .flag = Flag::kPush,
                   .dest_server = "g1",
                   .dest_channels = channel});
  }
  // As if the client had sent it.
  void outstanding(const TestClient& client, std::uint32_t sequence) {
    Channel& channel = *channel_of(*client.connection);
    Upstream& echo = *gateway_.context.upstreams.find(kEcho);
    ASSERT_TRUE(
        echo.outstanding.add({client.connection->slot, channel.login, sequence, "echo.test"}, 0));
    ++channel.outstanding;
  }
  static std::string id(const TestClient& client) {
    return std::string(channel_of(*client.connection)->id());
  }
  [[nodiscard]] std::string id_on(std::uint32_t shard, std::uint32_t slot = 0) const {
    return make_channel_id("g1", "alice", gateway_.context.options.nonce, shard, slot, 1000);
  }
  // The bodies of the packets that it got.
  std::vector<std::string> bodies(const TestClient& client) {
    std::vector<std::string> all;
    for (const Got& got : gateway_.got(*client.peer)) {
      EXPECT_EQ(got.closed, "");
      all.push_back(got.body);
    }
    return all;
  }
  [[nodiscard]] std::uint64_t count(GatewayCounter counter) const {
    return gateway_.count(counter);
  }

  GatewayShard gateway_;
  Requests requests_{gateway_.context};
  Signouts signouts_{gateway_.context};
  Admission admission_{gateway_.context};
  Logins logins_{gateway_.context, requests_, admission_};
  Forwarding forwarding_{gateway_.context, requests_, logins_, signouts_};
  RollCall roll_call_{gateway_.context};
  Deliveries deliveries_{gateway_.context, logins_, forwarding_, signouts_, roll_call_};
  FakePeer* echo_;
  FakePeer* login_;
};

}  // namespace ringgate::test
