#include "services/wsecho/component.h"

#include <cstring>
#include <utility>

#include "control/observe/logging.h"
#include "services/process/shard_metrics.h"
#include "services/process/shards.h"
#include "services/process/tls.h"

namespace ringgate {
namespace {

constexpr MailRange kWsEchoMail = kShardMail.next(8);
constexpr MailOf<NothingMore> kMailDrain{kWsEchoMail[0]};
constexpr MailOf<NothingMore> kMailDrained{kWsEchoMail[1]};
static_assert(are_distinct({kMailDrain, kMailDrained}));

constexpr std::size_t kMostClients = 1024 * 1024;  // of a shard
// A client that sends a few of the longest messages before it reads is no slow consumer yet.
constexpr std::size_t kMaxQueuedBytes = 64 * Config::kMiB;

}  // namespace

// --- On a shard ---------------------------------------------------------------------------------

// The upgrade's time; there is no login whose time would be over later.
void WsEchoHandler::on_accept(Connection& connection) {
  if (draining_) {
    shard_->finish(connection, CloseReason::kDraining);
    return;
  }
  shard_->set_deadline(connection, shard_->options().limits[0].read_timeout_ms);
}

void WsEchoHandler::on_deadline(Connection& connection) {
  if (connection.stage != Stage::kFrames) shard_->finish(connection, CloseReason::kIdleTimeout);
}

void WsEchoHandler::on_packet(Connection& connection, ByteView payload) {
  echo(connection, Opcode::kBinary, payload);
}

void WsEchoHandler::on_text(Connection& connection, ByteView payload) {
  echo(connection, Opcode::kText, payload);
}

void WsEchoHandler::echo(Connection& connection, Opcode opcode, ByteView payload) {
  std::uint8_t* const to = shard_->reserve_frame(connection, opcode, payload.size());
  if (to != nullptr && !payload.empty()) std::memcpy(to, payload.data(), payload.size());
}

void WsEchoHandler::on_mail(std::uint32_t from, MailKind kind, ByteView /*message*/) {
  if (kind != kMailDrain) {
    shard_->unknown_mail(from, kind);
    return;
  }
  draining_ = true;
  shard_->stop_accepting();
  shard_->table().for_each_client(
      [this](Connection& client) { shard_->finish(client, CloseReason::kDraining); });
}

void WsEchoHandler::on_tick() {
  if (!draining_ || reported_ || shard_->table().clients() > 0) return;
  reported_ = true;
  shard_->mail_surely(shard_->control(), kMailDrained, {});
}

// --- Control ------------------------------------------------------------------------------------

WsEchoComponent::~WsEchoComponent() {
  if (shards_ == nullptr) return;
  loop_.unwatch(shards_->wake_fd());
  shards_->stop();
}

Result<void> WsEchoComponent::start() {
  Result<ShardGroupOptions> options = shard_group_options(config_, kMostClients);
  if (!options) return std::unexpected(options.error());
  options->name = "wsecho";
  options->accept = AcceptMode::kDirect;
  options->shard.plain_messages = true;
  options->shard.limits[0].max_frame_bytes = kMaxMessageBytes;
  options->shard.limits[0].max_queued_bytes = kMaxQueuedBytes;
  const Result<ListenersTls> tls = load_tls(config_);
  if (!tls) return std::unexpected(tls.error());
  Result<std::vector<Listener>> listeners =
      open_listeners(config_, options->shards, nullptr, tls->contexts);
  if (!listeners)
    return fail("--listen: " + listeners.error().message, listeners.error().exit_code);
  listeners_ = std::move(*listeners);
  Result<std::unique_ptr<ShardGroup>> shards =
      ShardGroup::create(*options, [](std::uint32_t) { return std::make_unique<WsEchoHandler>(); });
  if (!shards) return std::unexpected(shards.error());
  shards_ = std::move(*shards);
  if (Result<void> started = shards_->start(listeners_); !started) return started;
  loop_.watch(shards_->wake_fd(), ControlLoop::Until::kReadable, [this] { drain_mail(); });
  loop_.at_turn_end([this] {
    drain_mail();  // its wake-up may have been lost
    return shards_->flush();
  });
  for (const Listener& listener : listeners_) {
    announce(fmt::format("listening {} {}", scheme_of(listener.transport, bool{listener.tls}),
                         listener.sockets.printed()));
  }
  return {};
}

void WsEchoComponent::tick() {
  if (shards_ != nullptr) mail_bugs_.look(*shards_);
}

void WsEchoComponent::drain_mail() {
  shards_->drain([this](std::uint32_t from, MailKind kind, ByteView) {
    if (kind != kMailDrained) {
      shards_->note_unknown_mail(from, kind);
      return;
    }
    not_drained_.erase(from);
    if (not_drained_.empty()) drained();
  });
}

void WsEchoComponent::drain(const DrainOrder& /*order*/, Drained done) {
  drain_done_ = std::move(done);
  for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
    not_drained_.insert(shard);
    shards_->post(shard, kMailDrain, {});
  }
  timer_ = loop_.after(config_.drain_time, [this] {
    timer_ = 0;
    drained();
  });
}

void WsEchoComponent::drained() {
  if (!drain_done_) return;
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
  shards_->stop();
  std::exchange(drain_done_, nullptr)(not_drained_.empty());
}

std::optional<std::string> WsEchoComponent::health() const {
  return shards_ == nullptr ? "starting" : stuck_shard(*shards_);
}

void WsEchoComponent::collect(MetricsSnapshot& metrics) const {
  if (shards_ != nullptr) collect_shards(*shards_, config_.service_id, metrics);
}

}  // namespace ringgate
