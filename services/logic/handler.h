// A shard of a logic service: its links, and what comes in on them.
//
// One LogicHandler per shard. Made anywhere; everything else on the shard's thread, until the
// thread has ended.
#pragma once

#include <memory>

#include "codec/header_slow.h"
#include "codec/packet.h"
#include "dataplane/shard.h"
#include "services/logic/handshake_log.h"
#include "services/logic/service.h"
#include "services/store/mail_kinds.h"

namespace ringgate {

class LogicHandler final : public Handler {
 public:
  LogicHandler(const LogicOptions& options, MakeSessions make_sessions, FillRouter fill,
               MakeMessages make_messages);
  ~LogicHandler() override;

  [[nodiscard]] HandlerNames names() const noexcept override;
  void on_start(Shard& shard) override;
  void on_accept(Connection& connection) override;
  void on_adopt(Connection& connection, const AdoptedFor& what) override;
  void on_packet(Connection& connection, ByteView payload) override;
  void on_close(Connection& connection, CloseReason reason) override;
  void on_deadline(Connection& connection) override;
  void on_mail(std::uint32_t from, MailKind kind, ByteView message) override;
  void on_tick() override;
  void on_batch_end() override;

 private:
  // What exists once the shard is known. In the order of need: the last is destroyed first.
  struct OnShard {
    OnShard(Shard& shard, const LogicHandler& handler);

    Shard& shard;
    HandshakeTeller handshakes;
    LinkDirectory links;
    Outbox outbox;
    Delays delays;
    MessageIds message_ids;
    std::unique_ptr<SessionStore> sessions;  // null: there is none
    std::unique_ptr<MessageStore> messages;  // null: there is none
    LogicShard logic;
    ChannelQueues channels;
  };

  void on_handshake(Connection& connection, ByteView payload);
  void take_lease(const NodeLeaseMail& mail);
  void on_request(const Link& link, const Packet& packet);
  [[nodiscard]] bool scan(ByteView header, HeaderScan& scan);

  LogicOptions options_;
  MakeSessions make_sessions_;
  FillRouter fill_;
  MakeMessages make_messages_;
  Router router_;
  SlowPath slow_path_;
  std::unique_ptr<OnShard> on_shard_;
};

}  // namespace ringgate
