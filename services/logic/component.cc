#include "services/logic/component.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "control/observe/log_event.h"
#include "control/observe/logging.h"
#include "services/logic/failures.h"
#include "services/logic/mail.h"
#include "services/logic/redis_options.h"
#include "services/process/shard_metrics.h"
#include "services/process/shards.h"

namespace ringgate {
namespace {

constexpr std::size_t kMostToldAtOnce = 4;  // exceptions; all are counted
constexpr std::chrono::milliseconds kLookAgain{20};

}  // namespace

LogicComponent::LogicComponent(const Config& config, std::unique_ptr<Registry> registry,
                               ControlLoop& loop, FillRouter fill, const LogicUse& use)
    : config_(config),
      registry_(std::move(registry)),
      loop_(loop),
      fill_(std::move(fill)),
      use_(use) {}

LogicComponent::~LogicComponent() {
  end();
}

MessageStoreOptions message_store_options(const Config& config, std::uint32_t endpoint) {
  MessageStoreOptions options;
  options.url =
      config.message_store.empty() ? std::string(Config::kMessageStore) : config.message_store;
  options.message_days = std::chrono::days(config.message_days);
  options.offline_days = std::chrono::days(config.offline_days);
  options.max_group_members = config.max_group_members;
  options.client.endpoint = endpoint;
  return options;
}

Result<MakeSessions> LogicComponent::make_sessions(std::uint32_t shards) {
  if (!has_redis(config_)) {
    memory_ = std::make_unique<MemorySessions>(
        config_.default_app, static_cast<std::uint32_t>(config_.gateway_lease.count()));
    return [this](Shard& shard, MessageIds& ids) { return memory_->of_shard(shard, ids); };
  }
  Result<RedisStoreOptions> options = redis_options(config_);
  if (!options) return std::unexpected(options.error());
  options->leases_node = use_.may_give_message_ids;
  redis_ = std::make_unique<RedisStore>(*options, shards);
  return redis_->sessions();
}

Result<MakeMessages> LogicComponent::make_messages(std::uint32_t shards, std::uint32_t endpoint) {
  if (!use_.keeps_messages) return MakeMessages();
  Result<std::unique_ptr<StoreThread>> opened =
      open_message_store(message_store_options(config_, endpoint), shards);
  if (!opened) return usage_error("MessageStore {}", opened.error().message);
  messages_ = std::move(*opened);
  return [thread = messages_.get()](Shard& shard) { return messages_of(*thread, shard); };
}

Result<void> LogicComponent::start_stores() {
  if (redis_ != nullptr) {
    if (auto started = redis_->start(shards_->switchboard()); !started) return started;
  }
  if (messages_ != nullptr) return messages_->start(shards_->switchboard());
  return {};
}

LogicOptions LogicComponent::logic_options() const {
  LogicOptions logic;
  logic.handshake_wait_ms = config_.gateway.login_wait_ms;
  logic.login_answer_delay_ms = static_cast<std::uint32_t>(config_.login_answer_delay.count());
  logic.max_header_bytes = config_.gateway.max_link_header_bytes;
  logic.channels = {config_.max_channel_waiting, config_.max_service_requests,
                    config_.max_service_request_bytes};
  return logic;
}

Result<void> LogicComponent::start_shards(const ShardGroupOptions& options) {
  const Result<MakeSessions> sessions = make_sessions(options.shards);
  if (!sessions) return std::unexpected(sessions.error());
  const Result<MakeMessages> messages = make_messages(options.shards, redis_ != nullptr ? 1 : 0);
  if (!messages) return std::unexpected(messages.error());
  Result<std::unique_ptr<ShardGroup>> shards = ShardGroup::create(options, [&](std::uint32_t) {
    return make_logic_handler(logic_options(), *sessions, fill_, *messages);
  });
  if (!shards) return std::unexpected(shards.error());
  shards_ = std::move(*shards);
  if (auto started = start_stores(); !started) return started;
  if (auto started = shards_->start(listeners_); !started) return started;
  loop_.at_turn_end([this] { return shards_->flush(); });
  return {};
}

Result<void> LogicComponent::start() {
  Result<ShardGroupOptions> options = shard_group_options(config_, 0);
  if (!options) return std::unexpected(options.error());
  options->name = config_.service_name.substr(0, 11);
  options->accept = AcceptMode::kHandOut;
  // Sessions in memory are one shard's; who has none has as many shards as it says.
  if (!has_redis(config_) && config_.shards == 0) options->shards = 1;
  options->extra_endpoints = (has_redis(config_) ? 1U : 0U) + (use_.keeps_messages ? 1U : 0U);
  if (const auto delay_ms = logic_options().login_answer_delay_ms; delay_ms != 0) {
    options->shard.sweep_ms = std::min(options->shard.sweep_ms, delay_ms);  // it is kept to a sweep
  }
  Result<ListenersTls> tls = load_tls(config_);
  if (!tls) return std::unexpected(tls.error());
  certificates_.use(std::move(tls->certificates));
  Result<std::vector<Listener>> listeners = open_listeners(config_, 1, nullptr, tls->contexts);
  if (!listeners) return std::unexpected(listeners.error());
  listeners_ = std::move(*listeners);
  if (auto ours = registry_->claim(registrations(config_, listeners_).front(), false); !ours) {
    return ours;
  }
  if (auto started = start_shards(*options); !started) return started;
  started_.store(true, std::memory_order_release);
  const Listener& listener = listeners_.front();
  if (use_.announces) {
    announce(fmt::format("listening {} {}", scheme_of(listener.transport, bool{listener.tls}),
                         listener.sockets.printed()));
  }

  Instance service = registrations(config_, listeners_).front();
  if (config_.links.lanes) service.meta["lanes"] = "1";
  if (use_.takes_roll_calls) service.meta["roll_call"] = "1";
  service.meta["max_frame"] = std::to_string(config_.link_limits().max_frame_bytes);
  const std::uint64_t room = config_.shard.max_links;
  tell_start(config_, listeners_, shards_->size(), room * shards_->size());
  return registry_->register_service(service);
}

// What handlers have thrown, and whose links were replaced.
void LogicComponent::read_mail_of_shards() {
  std::size_t told = 0;
  shards_->drain([this, &told](std::uint32_t from, MailKind kind, ByteView message) {
    if (kind == kMailLinkReplaced) {
      const LinkReplacedMail mail = kMailLinkReplaced.read(message);
      id_wars_.replaced(as_text(message), mail.lane, mail.peer, std::chrono::steady_clock::now());
    } else if (kind == kMailTlsFailed) {
      handshakes_.take(from, kMailTlsFailed.read(message), std::chrono::steady_clock::now());
    } else if (kind != kMailHandlerFailed) {
      shards_->note_unknown_mail(from, kind);
    } else if (++told <= kMostToldAtOnce) {
      spdlog::error("{}", describe(kMailHandlerFailed.read(message)));
    }
  });
}

void LogicComponent::tick() {
  read_mail_of_shards();
  id_wars_.look(std::chrono::steady_clock::now());
  handshakes_.look(std::chrono::steady_clock::now());
  mail_bugs_.look(*shards_);
  certificates_.look(std::time(nullptr));
  registry_->on_ready();
  const bool registered = registry_->is_registered(config_.service_id);
  const std::optional<Error> problem = registry_->problem();
  const Episodes::Texts now = problems();
  const MutexLock lock(mutex_);
  episodes_.update(now);
  not_registered_.reset();
  if (!registered)
    not_registered_ = "not registered yet" + (problem ? ": " + problem->message : "");
}

// What ends by itself or by an operator's hand, apart from the store, which tells by itself.
Episodes::Texts LogicComponent::problems() const {
  Episodes::Texts now;
  if (const std::optional<std::string> stuck = stuck_shard(*shards_)) now["shard"] = *stuck;
  bool room = false;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    const Shard& shard = shards_->shard(i);
    room = room || shard.counters().get(Gauge::kLinks) < shard.options().max_links;
  }
  certificates_.add_ended(std::time(nullptr), now);
  if (!room) {
    now["links"] = fmt::format("no place is left for a gateway's link ({} on each shard)",
                               shards_->shard(0).options().max_links);
  }
  return now;
}

// Without a store at start there is none to be changed: who keeps sessions has one.
Result<void> LogicComponent::reload(const Config& config) {
  Result<ListenersTls> tls = load_tls(config);
  if (!tls) return std::unexpected(tls.error());
  if (redis_ != nullptr && has_redis(config)) {
    Result<RedisStoreOptions> redis = redis_options(config);
    if (!redis) return std::unexpected(redis.error());
    redis_->use(std::move(redis->target), std::move(redis->tls));
  }
  use_tls(std::move(*tls));
  return {};
}

// For links that come from now on.
void LogicComponent::use_tls(ListenersTls tls) {
  certificates_.use(std::move(tls.certificates));
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    auto contexts = std::make_unique<std::vector<TlsContext>>(tls.contexts);
    shards_->post(i, kMailTlsContexts, TlsContextsMail{contexts.release()});
  }
}

// Gateways see the deregistration, finish what is under way and close their links.
void LogicComponent::drain(const DrainOrder& /*order*/, Drained done) {
  draining_.store(true, std::memory_order_release);
  drain_done_ = std::move(done);
  drain_until_ = std::chrono::steady_clock::now() + config_.drain_time;
  if (Result<void> gone = registry_->deregister(config_.service_id); !gone) {
    spdlog::warn("not deregistered: {}", gone.error().message);
  }
  wait_for_links();
}

void LogicComponent::wait_for_links() {
  if (links() > 0 && std::chrono::steady_clock::now() < drain_until_) {
    loop_.after(kLookAgain, [this] { wait_for_links(); });
    return;
  }
  const std::uint64_t left = links();
  if (left > 0) {
    log_event(LogEvent::kDrainCut, {{"links", left}},
              fmt::format("DrainTime is over: {} links of gateways are still there", left));
  }
  end();
  std::exchange(drain_done_, nullptr)(left == 0);
}

void LogicComponent::end() {
  if (shards_ != nullptr) shards_->stop();
  if (redis_ != nullptr) redis_->stop();
  if (messages_ != nullptr) messages_->stop();
}

std::uint64_t LogicComponent::links() const {
  std::uint64_t links = 0;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    links += shards_->shard(i).counters().get(Gauge::kLinks);
  }
  return links;
}

std::optional<std::string> LogicComponent::health() const {
  if (!started_.load(std::memory_order_acquire)) return "starting";
  if (draining_.load(std::memory_order_acquire)) return std::nullopt;
  return stuck_shard(*shards_);
}

std::optional<std::string> LogicComponent::ready() const {
  if (!started_.load(std::memory_order_acquire)) return "starting";
  if (draining_.load(std::memory_order_acquire)) return "draining";
  std::optional<std::string> lines;
  if (redis_ != nullptr) {
    add_line(lines, redis_->health().problem());
    if (use_.gives_message_ids) add_line(lines, redis_->health().ids_problem());
  }
  if (messages_ != nullptr) add_line(lines, messages_->health().problem());
  const MutexLock lock(mutex_);
  add_line(lines, not_registered_);
  add_line(lines, episodes_.text());
  return lines;
}

void LogicComponent::collect(MetricsSnapshot& metrics) const {
  registry_->collect(metrics);
  if (!started_.load(std::memory_order_acquire)) return;
  certificates_.collect(config_.service_id, metrics);
  collect_shards(*shards_, config_.service_id, metrics);
  collect_stores(metrics);
}

void LogicComponent::collect_stores(MetricsSnapshot& metrics) const {
  const std::string& id = config_.service_id;
  if (memory_ != nullptr) memory_->calls().collect(metrics, id);
  if (redis_ != nullptr) {
    redis_->collect(metrics, id);
    collect_waiting_mail(redis_->thread().waiting_mail_bytes(), id, "store", metrics);
  }
  if (messages_ != nullptr) {
    messages_->collect(metrics, id);
    collect_waiting_mail(messages_->waiting_mail_bytes(), id, "messages", metrics);
  }
}

}  // namespace ringgate
