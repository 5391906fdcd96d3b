#include "benchmarks/ringbench/played_service.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/ringbench/service_answers.h"
#include "benchmarks/ringbench/service_channels.h"
#include "benchmarks/ringbench/service_links.h"
#include "benchmarks/ringbench/service_pusher.h"
#include "benchmarks/ringbench/service_registration.h"
#include "control/base/address.h"
#include "control/base/thread.h"
#include "control/config/listen.h"
#include "dataplane/listener.h"

namespace ringgate::bench {
namespace {

Instance service_of(const ServiceOptions& options, const std::string& name, std::string host,
                    std::uint16_t port) {
  if (host.empty() || host == "0.0.0.0" || host == "::") host = "127.0.0.1";
  Instance service;
  service.id = fmt::format("ringbench-{}-{}", name, getpid());
  service.name = name;
  service.address = std::move(host);
  service.port = port;
  if (options.lanes) service.meta["lanes"] = "1";
  return service;
}

}  // namespace

struct PlayedService::Impl final : ServiceLinks::User {
  // Without a ring it has one of its own.
  Impl(const Options& run_options, RunState& run_state, BenchRing* others)
      : options(run_options),
        state(run_state),
        ring(others == nullptr ? std::make_unique<BenchRing>() : nullptr),
        links(others == nullptr ? *ring : *others, *this, tally) {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> listen();
  Result<void> start();
  Result<void> enter_registry();
  void leave();
  void stop();
  void attach();
  void turn();
  void detach();
  void run(std::promise<Result<void>>& opened);
  void turn_until_stopped();

  void on_link_up(LinkId link, std::string_view gateway_id) override {
    channels.on_link_up(link, gateway_id);
  }
  void on_link_packet(LinkId link, std::string_view gateway_id, ByteView payload) override {
    answers.on_packet(link, gateway_id, payload);
  }
  void on_link_down(LinkId link, std::string_view gateway_id) override {
    channels.on_link_down(link, links.find(gateway_id));
  }
  void on_accept_failed(int error) override {
    state.limit_once(fmt::format("the played service cannot accept a link: {}; raise `ulimit -n`",
                                 std::strerror(error)));
  }

  const Options& options;
  RunState& state;
  Tally tally;
  std::vector<ListenerSet> listeners;  // one for each name
  std::vector<Instance> services;
  std::unique_ptr<ServiceRegistration> registration;
  std::atomic<bool> stopped{false};
  std::atomic<bool> attached{false};

  // The thread's.
  std::unique_ptr<BenchRing> ring;
  ServiceLinks links;
  ServiceChannels channels;
  ServiceAnswers answers{options, channels, tally, [this](LinkId link, std::size_t bytes) {
                           return links.room(link, bytes);
                         }};
  ServicePusher pusher{options, state, channels, links, tally};
  std::thread thread;
};

Result<void> PlayedService::Impl::listen() {
  if (options.service.names.empty()) {
    return fail("a played service needs a name: give one, for example login", 2);
  }
  const Result<ListenSpec> spec = parse_listen(options.service.listen);
  if (!spec) return std::unexpected(spec.error());
  ListenAddress address{spec->endpoint.host, spec->endpoint.port};
  for (const std::string& name : options.service.names) {
    Result<ListenerSet> sockets = ListenerSet::open(address, 1, false);
    if (!sockets) return std::unexpected(sockets.error());
    services.push_back(service_of(options.service, name, address.host, sockets->port()));
    listeners.push_back(std::move(*sockets));
    address.port = 0;
  }
  return {};
}

Result<void> PlayedService::Impl::start() {
  if (Result<void> listening = listen(); !listening) return listening;
  std::promise<Result<void>> promise;
  auto opened = promise.get_future();
  thread = start_thread("ringbench-svc", [this, &promise] { run(promise); });
  if (Result<void> ready = opened.get(); !ready) return ready;
  return enter_registry();
}

Result<void> PlayedService::Impl::enter_registry() {
  auto registered = ServiceRegistration::start(options.service, services);
  if (!registered) return std::unexpected(registered.error());
  registration = std::move(*registered);
  return {};
}

// Out of the registry first, so that gateways do not dial what has gone. They may end their links
// when they see it.
void PlayedService::Impl::leave() {
  links.expect_ends();
  if (registration != nullptr) registration->stop();
}

void PlayedService::Impl::stop() {
  leave();
  stopped.store(true, std::memory_order_relaxed);
  if (thread.joinable()) thread.join();
  listeners.clear();
}

void PlayedService::Impl::run(std::promise<Result<void>>& opened) {
  prctl(PR_SET_TIMERSLACK, 1);  // the default adds 50 us to every wait
  Result<void> ready = ring->open(0);
  const bool is_open = ready.has_value();
  opened.set_value(std::move(ready));
  if (!is_open) return;
  attach();
  turn_until_stopped();
  detach();
  ring.reset();
}

void PlayedService::Impl::attach() {
  std::vector<int> sockets;
  sockets.reserve(listeners.size());
  for (const ListenerSet& listener : listeners) sockets.push_back(listener.fd(0));
  links.accept_from(sockets);
  attached.store(true, std::memory_order_release);
}

void PlayedService::Impl::turn() {
  pusher.turn();
  links.flush();
}

void PlayedService::Impl::detach() {
  pusher.finish();
  links.close_all();
}

void PlayedService::Impl::turn_until_stopped() {
  while (!stopped.load(std::memory_order_relaxed)) {
    turn();
    if (const int error = ring->submit_and_wait_ns(pusher.wait_ns()); error != 0) {
      return state.limit_once(
          fmt::format("the played service's ring has failed: {}", std::strerror(-error)));
    }
    ring->for_each_completion([this](const io_uring_cqe& cqe) { links.on_completion(cqe); });
    links.end_batch();
  }
}

PlayedService::PlayedService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PlayedService::~PlayedService() = default;

Result<std::unique_ptr<PlayedService>> PlayedService::start(const Options& options,
                                                            RunState& state) {
  auto impl = std::make_unique<Impl>(options, state, nullptr);
  if (Result<void> started = impl->start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<PlayedService>(new PlayedService(std::move(impl)));
}

Result<std::unique_ptr<PlayedService>> PlayedService::start_on(BenchRing& ring,
                                                               const Options& options,
                                                               RunState& state) {
  auto impl = std::make_unique<Impl>(options, state, &ring);
  if (Result<void> listening = impl->listen(); !listening) {
    return std::unexpected(listening.error());
  }
  return std::unique_ptr<PlayedService>(new PlayedService(std::move(impl)));
}

Result<void> PlayedService::register_services() {
  return impl_->enter_registry();
}
bool PlayedService::attached() const noexcept {
  return impl_->attached.load(std::memory_order_acquire);
}
void PlayedService::leave() {
  impl_->leave();
}
void PlayedService::attach() {
  impl_->attach();
}
void PlayedService::turn() {
  impl_->turn();
}
std::uint64_t PlayedService::wait_ns() const noexcept {
  return impl_->pusher.wait_ns();
}
bool PlayedService::owns(const io_uring_cqe& cqe) noexcept {
  return ServiceLinks::owns(cqe);
}
void PlayedService::on_completion(const io_uring_cqe& cqe) {
  impl_->links.on_completion(cqe);
}
void PlayedService::end_batch() {
  impl_->links.end_batch();
}
void PlayedService::detach() {
  impl_->detach();
}

unsigned PlayedService::links() const noexcept {
  return impl_->links.ready();
}

std::uint64_t PlayedService::pushes_sent() const noexcept {
  return impl_->pusher.sent();
}

void PlayedService::stop() {
  impl_->stop();
}

const Tally& PlayedService::tally() const noexcept {
  return impl_->tally;
}

}  // namespace ringgate::bench
