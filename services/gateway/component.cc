#include "services/gateway/component.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "control/base/address.h"
#include "control/observe/log_event.h"
#include "control/observe/logging.h"
#include "services/gateway/channel.h"
#include "services/gateway/counters.h"
#include "services/gateway/handler.h"
#include "services/gateway/settings.h"
#include "services/process/pages/status_page.h"
#include "services/process/shards.h"

namespace ringgate {
namespace {

// Clients wait in the backlog this long at most for the first link to a login service.
constexpr std::chrono::milliseconds kStartGrace{2000};
constexpr std::chrono::milliseconds kSampleEvery{1000};  // as tick() comes

// Those who wait in the backlog until the shards accept have what their listener had when they
// came.
void bound_sends(std::vector<Listener>& listeners, std::uint32_t shards, const SendBounds& bounds) {
  for (Listener& listener : listeners) {
    for (std::uint32_t i = 0; i < shards; ++i) listener.sockets.set_send_bounds(i, bounds);
  }
}

}  // namespace

GatewayComponent::GatewayComponent(const Config& config, std::unique_ptr<Registry> registry,
                                   ControlLoop& loop, handover::Taker* taker)
    : config_(config),
      registry_(std::move(registry)),
      loop_(loop),
      taker_(taker),
      options_(gateway_options(config)),
      client_log_([this](std::uint32_t upstream) { return links_->id_of(upstream); }),
      drain_pace_(config.drain_pace),
      history_(static_cast<std::size_t>(config.status_history / kSampleEvery)) {
  client_log_.set_per_second(config.gateway.log_events_per_second);
}

GatewayComponent::~GatewayComponent() {
  if (shards_ != nullptr) {
    loop_.unwatch(shards_->wake_fd());
    shards_->stop();
  }
  loop_.unwatch(registry_->fd());
  links_.reset();
  if (taker_ != nullptr) taker_->unwatch();
}

Result<void> GatewayComponent::start() {
  Result<ShardGroupOptions> options = shard_group_options(config_, kMaxSlots);
  if (!options) return std::unexpected(options.error());
  options->name = "gateway";
  options->accept = AcceptMode::kDirect;
  options->accept_at_start = false;
  Result<ListenersTls> tls = load_tls(config_);
  if (!tls) return std::unexpected(tls.error());
  Result<LinkTls> link_tls = load_link_tls(config_);
  if (!link_tls) return std::unexpected(link_tls.error());
  use_certificates(*tls, *link_tls);
  Result<std::vector<Listener>> listeners =
      open_listeners(config_, options->shards, taker_, tls->contexts);
  if (!listeners) return std::unexpected(listeners.error());
  listeners_ = std::move(*listeners);
  bound_sends(listeners_, options->shards, config_.shard.send_bounds());
  for (const Instance& service : registrations(config_, listeners_)) {
    const bool is_old_ones = taker_ != nullptr && taker_->offer().service_id == config_.service_id;
    if (Result<void> ours = registry_->claim(service, is_old_ones); !ours) return ours;
  }
  Result<std::unique_ptr<ShardGroup>> shards = ShardGroup::create(
      *options, [this](std::uint32_t) { return std::make_unique<GatewayHandler>(options_); });
  if (!shards) return std::unexpected(shards.error());
  shards_ = std::move(*shards);
  settings_ = std::make_unique<SettingsOnShards>(shards_->size());
  if (Result<void> started = shards_->start(listeners_); !started) return started;

  loop_.watch(shards_->wake_fd(), ControlLoop::Until::kReadable, [this] { drain_mail(); });
  loop_.at_turn_end([this] {
    drain_mail();  // its wake-up may have been lost
    return shards_->flush();
  });
  LinkManagerOptions links = link_options(config_, options_.nonce);
  links.tls = std::move(link_tls->context);
  links_ = std::make_unique<LinkManager>(
      loop_, *shards_, std::move(links), [this](std::uint32_t shard, const Catalogue* catalogue) {
        shards_->post(shard, kMailCatalogue, CatalogueMail{catalogue});
      });
  admin_ = std::make_unique<GatewayAdmin>(loop_, *shards_, *links_, ejections_, history_);
  recorder_pages_ = std::make_unique<RecorderPages>(*admin_, options_, places_of(listeners_),
                                                    [this] { return own_command_names(); });
  evacuations_ = std::make_unique<Evacuations>(loop_, *shards_);
  links_->on_change([this] {
    admin_->note_instances();
    refresh_ready();
  });
  if (taker_ != nullptr) {
    taker_->when_gone([this] { take_the_place(); });
    taker_->watch(loop_, [this] { refresh_ready(); });
  }
  timer_ = loop_.after(kStartGrace, [this] {
    timer_ = 0;
    grace_is_over_ = true;
    begin_accepting();
  });
  Result<void> followed = follow_services();
  if (!followed) return followed;
  started_.store(true, std::memory_order_release);
  const std::uint64_t room = shards_->shard(0).options().max_clients;
  tell_start(config_, listeners_, shards_->size(), room * shards_->size());
  return {};
}

Result<void> GatewayComponent::follow_services() {
  if (registry_->fd() >= 0) {
    loop_.watch(registry_->fd(), ControlLoop::Until::kReadable, [this] { registry_->on_ready(); });
  }
  std::set<std::string> names;
  for (const std::string& name : config_.depends) names.insert(service_of(name));
  if (names.empty()) names = followed_services(config_.routes);
  for (const std::string& name : names) {
    Result<void> subscribed =
        registry_->subscribe(name, [this, name](const std::vector<Instance>& services) {
          links_->update(name, services, registry_->may_be_partial(name));
        });
    if (!subscribed) return subscribed;
  }
  return {};
}

std::string GatewayComponent::service_of(const std::string& name) const {
  const auto route = config_.routes.find(name);
  return route == config_.routes.end() ? name : route->second;
}

// Those of listeners, and what services are shown.
void GatewayComponent::use_certificates(const ListenersTls& listeners, const LinkTls& links) {
  std::vector<tls::Material::Validity> all = listeners.certificates;
  all.insert(all.end(), links.certificates.begin(), links.certificates.end());
  certificates_.use(std::move(all));
}

void GatewayComponent::use_selectors(std::shared_ptr<const SelectorSet> selectors) {
  links_->use_selectors(std::move(selectors));
}

void GatewayComponent::begin_accepting() {
  if (accepting_ || draining_) return;
  if (taker_ != nullptr && !taker_->is_gone()) return ask_for_the_ports();
  accepting_ = true;
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
  shards_->start_accepting();
  for (const Listener& listener : listeners_) {
    announce(fmt::format("listening {} {}", scheme_of(listener.transport, bool{listener.tls}),
                         listener.sockets.printed()));
  }
  enter_registry();
}

void GatewayComponent::enter_registry() {
  for (const Instance& service : registrations(config_, listeners_)) {
    if (Result<void> done = registry_->register_service(service); !done) {
      log_event(LogEvent::kNotRegistered, {{"id", service.id}, {"why", done.error().message}},
                fmt::format("{} is not registered: {}", service.id, done.error().message));
    }
  }
}

void GatewayComponent::tick() {
  registry_->on_ready();
  refresh_ready();
  watch_proxy_headers();
  certificates_.look(std::time(nullptr));
  mail_bugs_.look(*shards_);
  client_log_.look(std::chrono::steady_clock::now());
  take_sample();
}

void GatewayComponent::watch_proxy_headers() {
  std::uint64_t refused = 0;
  for (std::uint32_t i = 0; i < shards_->size(); ++i) {
    refused += shards_->shard(i).counters().closed(CloseReason::kProxyHeaderTooLong);
  }
  long_proxy_headers_.update(refused,
                             "clients are refused, since the PROXY header before their bytes is "
                             "above MaxProxyHeader; raise it, or have the proxy add less to it",
                             std::chrono::steady_clock::now());
}

void GatewayComponent::drain_mail() {
  shards_->drain([this](std::uint32_t from, MailKind kind, ByteView message) {
    take_mail(from, kind, message);
  });
}

void GatewayComponent::take_mail(std::uint32_t from, MailKind kind, ByteView message) {
  switch (kind) {
    case kMailLinkClosed:
      links_->link_closed(kMailLinkClosed.read(message));
      return;
    case kMailLinkSeen:
      links_->link_seen(kMailLinkSeen.read(message));
      return;
    case kMailUpstreamDrained:
      links_->upstream_drained(from, kMailUpstreamDrained.read(message));
      return;
    case kMailCatalogueTaken:
      links_->catalogue_taken(from, kMailCatalogueTaken.read(message).version);
      return;
    case kMailSettingsTaken:
      settings_->taken(from, kMailSettingsTaken.read(message).version);
      return;
    case kMailDrained:
      not_drained_.erase(from);
      if (not_drained_.empty()) drained();
      return;
    case kMailEvacuated:
      evacuations_->take(from, kMailEvacuated.read(message));
      return;
    case kMailNotAccepting:
      still_accepting_.erase(from);
      if (still_accepting_.empty() && drain_order_.gone) std::exchange(drain_order_.gone, {})();
      return;
    case kMailBootEnded:
      boot_not_ended_.erase(from);
      if (boot_not_ended_.empty()) ended();
      return;
    case kMailEjected:
      ejections_.take(from, kMailEjected.read(message));
      refresh_ready();
      return;
    case kMailLoginFailed: {
      const auto mail = kMailLoginFailed.read(message);
      outcomes_.failed(mail.account_crc, {mail.text.data(), mail.text_bytes}, outcomes_seen(),
                       std::chrono::steady_clock::now());
      return;
    }
    case kMailInspected:
      admin_->take(from, message);
      return;
    case kMailTold: {
      const ToldHead head = kMailTold.read(message);
      client_log_.take(from, head, message, std::chrono::steady_clock::now());
      return;
    }
    default:
      shards_->note_unknown_mail(from, kind);
  }
}

Result<void> GatewayComponent::reload(const Config& config) {
  Result<ListenersTls> tls = load_tls(config);
  if (!tls) return std::unexpected(tls.error());
  Result<LinkTls> link_tls = load_link_tls(config);
  if (!link_tls) return std::unexpected(link_tls.error());
  use_certificates(*tls, *link_tls);
  links_->use_tls(std::move(link_tls->context));
  GatewayReload reload = gateway_reload(config, options_.nonce);
  reload.shards.tls = std::move(tls->contexts);
  auto settings = std::make_unique<GatewaySettings>(std::move(reload.shards));
  const GatewaySettings* const published = settings_->publish(std::move(settings));
  for (std::uint32_t shard = 0; shard < shards_->size(); ++shard) {
    shards_->post(shard, kMailReconfigure, ReconfigureMail{published});
  }
  client_log_.set_per_second(config.gateway.log_events_per_second);
  use_selectors(std::move(reload.selectors));
  links_->use_drain_time(reload.drain_time);
  // The rest of config_ is read by the monitor's threads, and cannot have changed.
  config_.drain_time = reload.drain_time;
  config_.drain_delay = reload.drain_delay;
  config_.drain_pace = reload.drain_pace;
  drain_pace_.store(reload.drain_pace);
  return {};
}

// --- Operators ----------------------------------------------------------------------------------

void GatewayComponent::add_admin_pages(http::Monitor& admin) {
  // Nothing is there to be asked before start() has returned; started_ tells.
  const auto once_started = [this](http::Monitor::Handler handler) -> http::Monitor::Handler {
    return [this, handler = std::move(handler)](const http::Request& request) {
      if (!started_.load(std::memory_order_acquire)) return http::Reply{503, "starting\n"};
      return handler(request);
    };
  };
  add_status_page(admin);
  admin.add_get("/status.json", once_started([this](const http::Request& request) {
                  return admin_->status(request, status_facts());
                }),
                http::Audience::kOperator, {"since"});
  admin.add_get("/services",
                once_started([this](const http::Request&) { return admin_->services(); }),
                http::Audience::kOperator);
  admin.add_get("/channels", once_started([this](const http::Request& request) {
                  return RecorderPages::is_list(request)
                             ? recorder_pages_->list(request)
                             : admin_->channels(request, Inspection::kChannels);
                }),
                http::Audience::kOperator, {"account", "app", "channel", "sort", "limit", "after"});
  admin.add_get("/channels/*", once_started([this](const http::Request& request) {
                  return recorder_pages_->channel(request);
                }),
                http::Audience::kOperator);
  admin.add_get("/closes", once_started([this](const http::Request& request) {
                  return recorder_pages_->closes(request);
                }),
                http::Audience::kOperator, {"account", "limit", "after"});
  admin.add_get("/trace", once_started([this](const http::Request& request) {
                  return recorder_pages_->trace(request);
                }),
                http::Audience::kOperator, {"account", "cursor", "follow"});
  admin.add_get("/explain-route", once_started([this](const http::Request& request) {
                  return admin_->explain(request, config_);
                }),
                http::Audience::kOperator, {"app", "account", "service", "channel"});
  admin.add_post("/kick", once_started([this](const http::Request& request) {
                   return admin_->channels(request, Inspection::kKick);
                 }),
                 {"account", "app", "channel", "by"});
  admin.add_get("/evacuate",
                once_started([this](const http::Request&) { return evacuations_->show(); }),
                http::Audience::kOperator);
  admin.add_post("/evacuate", once_started([this](const http::Request& request) {
                   return evacuations_->begin(request, drain_pace_.load());
                 }),
                 {"to", "pace", "first", "at", "by"});
  admin.add_post("/evacuate/abort",
                 once_started([this](const http::Request&) { return evacuations_->abort(); }),
                 {"by"});
}

// --- Probes -------------------------------------------------------------------------------------

std::optional<std::string> GatewayComponent::health() const {
  if (!started_.load(std::memory_order_acquire)) return "starting";
  const MutexLock lock(mutex_);
  if (is_draining_) return std::nullopt;  // its shards are ending, on purpose
  return stuck_shard(*shards_);
}

std::vector<std::string> GatewayComponent::websocket_urls() const {
  std::vector<std::string> urls;
  if (!started_.load(std::memory_order_acquire)) return urls;
  for (const Listener& listener : listeners_) {
    if (listener.transport != Transport::kWebSocket || listener.sockets.port() == 0) continue;
    std::string path = listener.upgrade.path;
    if (path.ends_with("/*")) path.pop_back();
    urls.push_back((listener.tls ? "wss://" : "ws://") + listener.sockets.printed() + path);
  }
  return urls;
}

}  // namespace ringgate
