// A plain WebSocket echo on the shards and frames of the gateway: text and binary messages come
// back as they were, without packets or logins. For conformance suites and for trying a network.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "control/base/loop.h"
#include "control/config/config.h"
#include "dataplane/handler.h"
#include "dataplane/shard_group.h"
#include "services/process/component.h"
#include "services/process/shards.h"

namespace ringgate {

class WsEchoHandler final : public Handler {
 public:
  void on_start(Shard& shard) override { shard_ = &shard; }
  void on_accept(Connection& connection) override;
  void on_adopt(Connection& /*connection*/, const AdoptedFor& /*what*/) override {}
  void on_packet(Connection& connection, ByteView payload) override;
  void on_text(Connection& connection, ByteView payload) override;
  void on_close(Connection& /*connection*/, CloseReason /*reason*/) override {}
  void on_deadline(Connection& connection) override;
  void on_mail(std::uint32_t from, MailKind kind, ByteView message) override;
  void on_tick() override;

 private:
  void echo(Connection& connection, Opcode opcode, ByteView payload);

  Shard* shard_ = nullptr;
  bool draining_ = false;
  bool reported_ = false;
};

class WsEchoComponent final : public Component {
 public:
  static constexpr std::size_t kMaxMessageBytes = 16 * Config::kMiB;

  // `config.listen` says where; `loop` outlives this.
  WsEchoComponent(const Config& config, ControlLoop& loop) : config_(config), loop_(loop) {}
  ~WsEchoComponent() override;

  [[nodiscard]] Result<void> start() override;
  void drain(const DrainOrder& order, Drained done) override;
  void tick() override;
  [[nodiscard]] std::optional<std::string> health() const override;
  [[nodiscard]] std::optional<std::string> ready() const override { return std::nullopt; }
  void collect(MetricsSnapshot& metrics) const override;

 private:
  void drain_mail();
  void drained();

  Config config_;
  ControlLoop& loop_;
  std::vector<Listener> listeners_;
  std::unique_ptr<ShardGroup> shards_;
  std::set<std::uint32_t> not_drained_;
  MailBugs mail_bugs_;
  Drained drain_done_;
  ControlLoop::TimerId timer_ = 0;
};

}  // namespace ringgate
