// A client's first packet: its token, the login's way to its service and back, and the channel that
// comes of it. The only place of the client's path that looks into bodies.
//
// One per shard, on its thread. Owns no channel: each belongs to its connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/login_scan.h"
#include "services/auth/token.h"
#include "services/gateway/channel.h"
#include "services/gateway/parts/admission.h"
#include "services/gateway/parts/pushes/delivery.h"
#include "services/gateway/parts/requests.h"

namespace pkt {
class Session;
}

namespace ringgate {

class Logins {
 public:
  Logins(GatewayContext& context, Requests& requests, Admission& admission);

  // The options have changed.
  void reconfigure();

  // A packet of a connection that has no channel.
  void login(Connection& connection, const Packet& packet);
  // A packet of a service for a channel whose login is not answered yet: that answer, or a push,
  // which waits for it.
  // `took_us`: how long the answer took.
  void take(Connection& connection, Channel& channel, const Delivery& delivery,
            std::uint32_t took_us);
  // The login's answer will not come; its client has been told.
  void unanswered(Connection& connection, const Channel& channel);
  // A client's deadline: of its first packet, of the login's answer, of its token.
  void on_deadline(Connection& connection);
  // A channel ends.
  void ended(const Connection& connection, const Channel& channel);

 private:
  [[nodiscard]] std::uint64_t new_login();
  [[nodiscard]] bool may_come_in(Connection& connection, const HeaderScan& scan);
  [[nodiscard]] std::string_view read_body(ByteView body, LoginScan& request) const;
  // `claims`: of its token, where that is signed as it should be; else empty ones.
  void refuse(Connection& connection, const HeaderScan& scan, Status status, CloseReason reason,
              std::string_view text, const TokenClaims& claims = {});
  void forward(Connection& connection, const Packet& packet, const Requests::Header& header,
               const TokenClaims& claims, const pkt::Session& session);
  [[nodiscard]] Channel* make_channel(const ClientIdentity& identity, const HeaderScan& scan,
                                      const TokenClaims& claims);
  void answered(Connection& connection, Channel& channel, const Delivery& delivery,
                std::uint32_t took_us);
  void keep_waiting(Connection& connection, Channel& channel, const Delivery& delivery);
  void flush_waiting(Connection& connection, Channel& channel);
  void arm_token_expiry(Connection& connection, const Channel& channel);
  void time_out(Connection& connection, const Channel& channel);
  void give_up(const Channel& channel);
  void failed(const Channel& channel, std::string_view why);
  void count(const Connection& connection, int by);

  GatewayContext& context_;
  Requests& requests_;
  Admission& admission_;
  TokenVerifier verifier_;
  std::uint64_t next_login_;          // at least; the low half of none is 0
  std::string session_;               // scratch: body length and Session
  std::uint32_t failed_told_ms_ = 0;  // when control was told of one
  std::uint32_t failed_told_ = 0;     // at that moment
};

}  // namespace ringgate
