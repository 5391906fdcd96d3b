// The gateway, on one shard: clients on one side, links to logic services on the other.
//
//   handler.cc   what arrives, sorted; connections that end; time and mail
//   login.cc     a client's first packet, and the answer to it
//   forward.cc   packets from clients to services, and answers of the gateway's own
//   deliver.cc      packets from services to channels
//   eject.cc     instances that do not answer, logins that fail
//   inspect.cc   what operators ask
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/login_scan.h"
#include "codec/packet.h"
#include "dataplane/handler.h"
#include "dataplane/shard.h"
#include "services/auth/token.h"
#include "services/gateway/channel.h"
#include "services/gateway/context.h"
#include "services/gateway/mail.h"
#include "services/gateway/requests.h"
#include "services/gateway/signouts.h"

namespace pkt {
class Session;
}

namespace ringgate {

class GatewayHandler final : public Handler {
 public:
  explicit GatewayHandler(const GatewayOptions& options);

  void on_start(Shard& shard) override;
  void on_accept(Connection& connection) override;
  void on_adopt(Connection& connection, const AdoptedFor& what) override;
  void on_adopt_refused(const AdoptedFor& what) override;
  void on_packet(Connection& connection, ByteView payload) override;
  void on_close(Connection& connection, CloseReason reason) override;
  [[nodiscard]] bool on_peer_end(Connection& connection) override;
  void on_deadline(Connection& connection) override;
  void on_mail(std::uint32_t from, MailKind kind, ByteView message) override;
  void on_tick() override;

  // Any thread.
  [[nodiscard]] const GatewayCounters& counters() const noexcept { return counters_; }

 private:
  // A packet from a service on its way to channels: written straight from where it was received.
  struct Delivery {
    DeliveryHead head;
    PushHeader header;
    ByteView tail;
    SharedBlock* shared = nullptr;  // the same bytes, encoded once, when several receive them
    [[nodiscard]] std::size_t bytes() const noexcept { return push_packet_bytes(header, tail); }
  };
  // handler.cc
  void on_client_packet(Connection& connection, ByteView payload);
  void on_basic(Connection& connection, const Packet& packet);
  void on_channel_end(Connection& connection, Channel& channel, CloseReason reason);
  void count_channel(const Connection& connection, int by);
  void on_link_end(Connection& connection, CloseReason reason);
  void fail_outstanding(Upstream& upstream);
  void expire_outstanding();
  void take_catalogue(const Catalogue* catalogue);
  void reconfigure(const GatewaySettings& settings);
  void retire(std::uint32_t upstream);
  void drain_some();
  void report_drained();
  void log_close(const Connection& connection, CloseReason reason, std::string_view account);

  // login.cc
  void login(Connection& connection, const Packet& packet);
  [[nodiscard]] std::string_view read_login(ByteView body, LoginScan& request) const;
  void refuse_login(Connection& connection, const HeaderScan& scan, Status status,
                    CloseReason reason, std::string_view text);
  void forward_login(Connection& connection, const Packet& packet, const Requests::Header& header,
                     const TokenClaims& claims, const pkt::Session& session);
  void login_answered(Connection& connection, Channel& channel, const Delivery& delivery);
  void arm_token_expiry(Connection& connection, const Channel& channel);
  void token_deadline(Connection& connection, Channel& channel);

  // forward.cc
  void forward(Connection& connection, Channel& channel, const Packet& packet);
  void answer_outstanding(const OutstandingRequest& request);
  void one_less_outstanding(std::uint32_t slot, std::uint32_t login);
  void end_if_answered(Connection& connection);
  void take_refused(ByteView message);

  // deliver.cc
  void on_link_packet(Connection& connection, ByteView payload);
  void spread(Delivery& delivery, std::string_view channels);
  void deliver_here(Delivery& delivery, std::string_view channels);
  void mail_delivery(std::uint32_t shard, const Delivery& delivery, std::string_view channels);
  void take_delivery(ByteView message);
  void deliver(const Delivery& delivery, std::string_view channel_id);
  [[nodiscard]] bool retire_request(const Delivery& delivery, const ChannelPlace& place);
  [[nodiscard]] Connection* find_channel(std::string_view channel_id, const ChannelPlace& place);
  void write_delivery(Connection& connection, const Delivery& delivery);
  void keep_waiting(Connection& connection, Channel& channel, const Delivery& delivery);
  void flush_waiting(Connection& connection, Channel& channel);

  // eject.cc
  void look_at_upstreams();
  void look_at_link(Upstream& upstream);
  void take_silent(const LinkSilent& mail);
  [[nodiscard]] bool answers(const Upstream& upstream) const;
  [[nodiscard]] bool another_answers(const Upstream& upstream);
  void set_mute(Upstream& upstream, bool mute);
  void tell_ejected(const Upstream& upstream, EjectReason reason, bool ejected);
  void give_up_login(const Channel& channel);
  void login_failed(const Channel& channel, std::string_view why);

  // inspect.cc
  void inspect(const InspectMail& mail);
  void report_links(std::uint32_t question);
  void report_channels(const InspectMail& mail);
  void kick(Connection& connection, const Channel& channel);

  // What exists once the shard is known. In the order of need: the last is destroyed first.
  struct OnShard {
    OnShard(Shard& shard, GatewayHandler& handler);

    GatewayContext context;
    Requests requests;
    Signouts signouts;
  };

  GatewayOptions at_start_;
  GatewayCounters counters_;
  std::unique_ptr<OnShard> on_shard_;
  GatewayContext* context_ = nullptr;
  TokenVerifier verifier_;
  std::uint64_t next_login_;                 // its low half is never 0
  std::string session_;                      // scratch of logins: body length and Session
  std::vector<std::string> shard_channels_;  // scratch of pushes: channel ids for each shard
  bool reported_drained_ = false;
  DrainMail drain_{};
  std::uint32_t login_failed_ms_ = 0;     // when control was told of one
  std::uint32_t logins_failed_told_ = 0;  // at that moment
};

}  // namespace ringgate
