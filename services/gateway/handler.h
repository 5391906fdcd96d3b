// The gateway, on one shard: clients on one side, links to logic services on the other. It sorts
// what arrives; what is done with it is in its parts. Which of them may call which:
// parts/context.h.
//
// One GatewayHandler per shard. Made anywhere; everything else on the shard's thread, until the
// thread has ended.
#pragma once

#include <memory>
#include <string_view>

#include "codec/packet.h"
#include "dataplane/handler.h"
#include "dataplane/shard.h"
#include "services/gateway/inspection/inspector.h"
#include "services/gateway/mail.h"
#include "services/gateway/parts/admission.h"
#include "services/gateway/parts/context.h"
#include "services/gateway/parts/drain.h"
#include "services/gateway/parts/ejector.h"
#include "services/gateway/parts/evacuation.h"
#include "services/gateway/parts/forwarding.h"
#include "services/gateway/parts/logins.h"
#include "services/gateway/parts/memory_budget.h"
#include "services/gateway/parts/pushes/deliveries.h"
#include "services/gateway/parts/requests.h"
#include "services/gateway/parts/roll_call.h"
#include "services/gateway/parts/signouts.h"

namespace ringgate {

class GatewayHandler final : public Handler {
 public:
  explicit GatewayHandler(const GatewayOptions& options);
  ~GatewayHandler() override;

  [[nodiscard]] HandlerNames names() const noexcept override { return kGatewayNames; }
  void on_start(Shard& shard) override;
  void on_accept(Connection& connection) override;
  void on_adopt(Connection& connection, const AdoptedFor& what) override;
  void on_adopt_refused(const AdoptedFor& what) override;
  void on_packet(Connection& connection, ByteView payload) override;
  void on_close(Connection& connection, CloseReason reason) override;
  [[nodiscard]] bool on_peer_end(Connection& connection) override;
  void on_sent(Connection& connection) override;
  void on_deadline(Connection& connection) override;
  void on_mail(std::uint32_t from, MailKind kind, ByteView message) override;
  void on_tick() override;
  void on_batch_end() override {
    on_shard_->deliveries.on_batch_end();
    on_shard_->memory_budget.on_batch_end();
  }

  // Any thread.
  [[nodiscard]] const GatewayCounters& counters() const noexcept { return counters_; }

 private:
  // What exists once the shard is known. In the order of need: the last is destroyed first.
  struct OnShard {
    OnShard(Shard& shard, GatewayHandler& handler);

    GatewayContext context;
    Requests requests;
    Admission admission;
    MemoryBudget memory_budget;
    Signouts signouts;
    Ejector ejector;
    Logins logins;
    Forwarding forwarding;
    RollCall roll_call;
    Deliveries deliveries;
    Drain drain;
    Evacuation evacuation;
    Inspector inspector;
  };

  void on_client_packet(Connection& connection, ByteView payload);
  void on_basic(Connection& connection, const Packet& packet);
  void on_channel_end(Connection& connection, Channel& channel, CloseReason reason);
  void tell_control(MailOf<LinkEvent> kind, const AdoptedFor& what, CloseReason reason);
  void link_is_up();
  void link_is_down(Upstream& upstream);
  void retire(std::uint32_t upstream);
  void take_catalogue(const Catalogue& catalogue);
  void reconfigure(const GatewaySettings& settings);

  GatewayOptions at_start_;
  GatewayCounters counters_;
  std::unique_ptr<OnShard> on_shard_;
};

}  // namespace ringgate
