#include "tests/simulation/logic_process.h"

#include "services/handlers/chat.h"
#include "services/handlers/echo.h"
#include "services/logic/mail.h"
#include "services/logic/service.h"

namespace ringgate::sim {
namespace {

constexpr std::uint32_t kSessionEndpoint = 0;
constexpr std::uint32_t kMessageEndpoint = 1;

}  // namespace

LogicProcess::LogicProcess(Kernel& kernel, const LogicPlan& plan, std::uint32_t index,
                           std::uint32_t first_shard, Stored& stored)
    : kernel_(kernel),
      session_metrics_("session", SessionCalls::kNames, plan.shards),
      message_metrics_("message", MessageCalls::kNames, plan.shards) {
  const MakeSessions make_sessions = [this, plan, index](Shard& shard, MessageIds& ids) {
    NodeLease lease;
    lease.node = MessageIds::kFirstNode + index;
    ids.grant(lease);
    const StoreClientOptions options{kSessionEndpoint, plan.store_timeout_ms, 256};
    return std::make_unique<SessionStore>(
        std::make_unique<StoreClient>(options, shard, session_metrics_.of_shard(shard.index())));
  };
  const MakeMessages make_messages = [this, plan](Shard& shard) {
    const StoreClientOptions options{kMessageEndpoint, plan.store_timeout_ms, 256};
    return std::make_unique<MessageStore>(
        std::make_unique<StoreClient>(options, shard, message_metrics_.of_shard(shard.index())));
  };
  const FillRouter fill = [](Router& router) {
    add_chat_handlers(router);
    add_echo_handlers(router);
  };
  ShardsOptions options;
  options.shards = plan.shards;
  options.extra_endpoints = 2;
  options.mailbox_bytes = plan.mailbox_bytes;
  options.shard.max_clients = 1;
  options.shard.max_links = 32;
  options.shard.ring.client_buffers = 2;
  options.shard.ring.link_buffers = 8;
  options.shard.ring.link_buffer_bytes = 4096;
  shards_ = std::make_unique<Shards>(kernel_, kernel_.add_process(), first_shard, options,
                                     std::span<Listener>(), [&](std::uint32_t) {
                                       return make_logic_handler(LogicOptions{}, make_sessions,
                                                                 fill, make_messages);
                                     });
  sessions_ = std::make_unique<StoreEnd>(kernel_, stored, StoreEnd::Kind::kSessions, 2 * index,
                                         shards_->board(), kSessionEndpoint, plan.sessions);
  messages_ = std::make_unique<StoreEnd>(kernel_, stored, StoreEnd::Kind::kMessages, 2 * index + 1,
                                         shards_->board(), kMessageEndpoint, plan.messages);
}

void LogicProcess::accepted(int fd) {
  shards_->post(next_++ % shards_->size(), kMailAdopt, AdoptMail{fd, 1, PeerAddress(), {}});
  shards_->flush();
}

void LogicProcess::control_turn() {
  kernel_.has_turn(Actor::kControl, shards_->process());
  shards_->drain([this](std::uint32_t, MailKind kind, ByteView) {
    if (kind == kMailHandlerFailed) kernel_.scheduler().fail("a handler has thrown");
  });
  shards_->flush();
}

}  // namespace ringgate::sim
