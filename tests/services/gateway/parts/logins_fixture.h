// Logins by itself: the test is its clients and the login service.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "services/gateway/mail.h"
#include "services/gateway/parts/logins.h"
#include "tests/services/gateway/parts/gateway_shard.h"

namespace ringgate::test {

inline std::int64_t now_s() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

inline std::string token(std::string_view secret = kSecret, std::int64_t lives_s = 3600,
                         const std::string& account = "alice") {
  return sign_token({account, "kim", now_s() + lives_s}, secret);
}

inline pkt::LoginReq request(const std::string& with_token = token()) {
  pkt::LoginReq made;
  made.set_token(with_token);
  return made;
}

inline constexpr OutgoingHeader kSignIn{.command = kCommandSignIn, .sequence = 7};

class LoginsPart : public testing::Test {
 protected:
  explicit LoginsPart(const GatewayOptions& options = gateway_options()) : gateway_(options) {
    gateway_.it.handler.packet = [this](Connection& connection, ByteView payload) {
      if (connection.role != Role::kClient) return;
      if (channel_of(connection) != nullptr) {
        ++packets_;
      } else {
        logins_.login(connection, parse_packet(payload, 4096));
      }
    };
    gateway_.it.handler.deadline = [this](Connection& connection) {
      if (connection.role == Role::kClient) logins_.on_deadline(connection);
    };
    gateway_.channel_ended = [this](Connection& connection, Channel& channel) {
      logins_.ended(connection, channel);
      Channel::destroy(gateway_.it.shard.pool(), &channel);
    };
  }
  void send(const TestClient& client, const OutgoingHeader& header, std::string_view body = {}) {
    client.peer->send(PacketBytes(header, body).framed());
    gateway_.settle();
  }
  static constexpr std::uint32_t kTookUs = 1500;
  [[nodiscard]] const Histogram& login_times() {
    return gateway_.it.shard.counters().get(GatewayDistribution::kLogin);
  }

  // A client that has sent that login.
  TestClient login(const pkt::LoginReq& body = request()) {
    const TestClient client = gateway_.connect();
    send(client, kSignIn, body.SerializeAsString());
    return client;
  }
  // One that has a login service, whose answer has not come.
  TestClient logging_in() {
    if (service_ == nullptr) service_ = &gateway_.link(kLogin);
    const TestClient client = login();
    EXPECT_NE(channel_of(*client.connection), nullptr);
    return client;
  }
  void take(const TestClient& client, const OutgoingHeader& header, std::string_view body = {}) {
    const DeliveredPacket packet(kLogin, header, body);
    logins_.take(*client.connection, *channel_of(*client.connection), packet.delivery, kTookUs);
  }
  void answer(const TestClient& client, Status status = Status::kSuccess,
              std::string_view body = {}) {
    take(client,
         {.command = kCommandSignIn, .sequence = 7, .flag = Flag::kResponse, .status = status},
         body);
  }
  void push(const TestClient& client, std::string_view body) {
    take(client, {.command = "chat.user.talk", .flag = Flag::kPush}, body);
  }
  // It got one answer, of that status, and a close frame with that reason.
  void expect_refused(const TestClient& client, Status status, std::string_view reason,
                      std::string_view words) {
    const std::vector<Got> got = gateway_.got(*client.peer);
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].header.sequence(), 7u);
    EXPECT_EQ(got[0].header.flag(), pkt::Response);
    EXPECT_EQ(static_cast<int>(got[0].header.status()), static_cast<int>(status));
    EXPECT_EQ(error_words(got[0]), words);
    EXPECT_EQ(got[1].closed, reason);
  }
  static std::string error_words(const Got& got) {
    pkt::ErrorResp error;
    EXPECT_TRUE(error.ParseFromString(got.body));
    return error.message();
  }
  // What control has been told since the last call of logins that failed.
  std::vector<std::string> failures() {
    std::vector<std::string> all;
    for (const Mail& one : gateway_.told(kMailLoginFailed)) {
      const LoginFailedMail mail = kMailLoginFailed.read(one.message);
      all.emplace_back(mail.text.data(), mail.text_bytes);
    }
    return all;
  }

  GatewayShard gateway_;
  Requests requests_{gateway_.context};
  Admission admission_{gateway_.context};
  Logins logins_{gateway_.context, requests_, admission_};
  FakePeer* service_ = nullptr;
  int packets_ = 0;  // behind a login
};

}  // namespace ringgate::test
