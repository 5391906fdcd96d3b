// Forwarding by itself: the test is clients that are logged in, and their services.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/gateway/mail.h"
#include "services/gateway/parts/forwarding.h"
#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate::test {

inline constexpr std::string_view kUnknownOutcome = "outcome unknown: the service did not answer";

class ForwardingPart : public testing::Test {
 protected:
  explicit ForwardingPart(const GatewayOptions& options = gateway_options()) : gateway_(options) {
    gateway_.it.handler.packet = [this](Connection& connection, ByteView payload) {
      if (connection.role != Role::kClient) return;
      forwarding_.forward(connection, *channel_of(connection), parse_packet(payload, 4096));
    };
    gateway_.channel_ended = [this](Connection&, Channel& channel) { signouts_.sign_out(channel); };
  }
  void send(const TestClient& client, const OutgoingHeader& header, std::string_view body = {}) {
    client.peer->send(PacketBytes(header, body).framed());
    gateway_.settle();
  }
  void ask(const TestClient& client, std::uint32_t sequence) {
    send(client, {.command = "echo.test", .sequence = sequence}, "a question");
  }
  static ChannelPlace place(const TestClient& client) {
    return {0, client.connection->slot, channel_of(*client.connection)->login};
  }
  [[nodiscard]] bool answer(const ChannelPlace& to, std::uint32_t sequence,
                            std::uint32_t upstream = kEcho) {
    DeliveryHead head;
    head.upstream = upstream;
    head.sequence = sequence;
    head.flag = static_cast<std::uint8_t>(Flag::kResponse);
    return forwarding_.answered(head, to).has_value();
  }
  static std::string words(const Got& got) {
    pkt::ErrorResp error;
    EXPECT_TRUE(error.ParseFromString(got.body));
    return error.message();
  }
  // Exactly these were answered with 300, in this order, and nothing else came.
  void expect_failed(const TestClient& client, const std::vector<std::uint32_t>& sequences,
                     std::string_view why) {
    std::vector<std::uint32_t> failed;
    for (const Got& got : gateway_.got(*client.peer)) {
      EXPECT_EQ(got.closed, "");
      EXPECT_EQ(got.header.status(), pkt::SystemException);
      EXPECT_EQ(got.header.flag(), pkt::Response);
      EXPECT_EQ(words(got), why);
      failed.push_back(got.header.sequence());
    }
    EXPECT_EQ(failed, sequences);
  }
  [[nodiscard]] std::uint64_t outstanding() const {
    return gateway_.gauge(GatewayGauge::kOutstanding);
  }
  [[nodiscard]] Upstream& echo() { return *gateway_.context.upstreams.find(kEcho); }

  GatewayShard gateway_;
  Requests requests_{gateway_.context};
  Signouts signouts_{gateway_.context};
  Admission admission_{gateway_.context};
  Logins logins_{gateway_.context, requests_, admission_};
  Forwarding forwarding_{gateway_.context, requests_, logins_, signouts_};
};

}  // namespace ringgate::test
