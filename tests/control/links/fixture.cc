#include "tests/control/links/fixture.h"

#include <algorithm>

namespace ringgate::test {

using namespace std::chrono_literals;

void LinkRecorder::on_adopt(Connection& connection, const AdoptedFor& what) {
  if (adopting) adopting();
  upstreams_->link_opened(connection, what, what.lane == kNoLane);
  const LinkEvent event{static_cast<std::uint32_t>(what.subject), what.lane, what.epoch,
                        CloseReason::kNone};
  shard_->mail_surely(shard_->control(), kMailLinkSeen, event);
}

void LinkRecorder::on_adopt_refused(const AdoptedFor& what) {
  const LinkEvent event{static_cast<std::uint32_t>(what.subject), what.lane, what.epoch,
                        CloseReason::kTooManyLinks};
  shard_->mail_surely(shard_->control(), kMailLinkClosed, event);
}

void LinkRecorder::on_mail(std::uint32_t from, MailKind kind, ByteView message) {
  switch (kind) {
    case kMailLinkUp:
      upstreams_->take_link_up(from, kMailLinkUp.read(message));
      shard_->mail_surely(shard_->control(), kMailLinkSeen, kMailLinkUp.read(message));
      return;
    case kMailLinkDown:
      upstreams_->take_link_down(kMailLinkDown.read(message));
      return;
    case kMailRetire:
      upstreams_->retire(kMailRetire.read(message));
      ++retired;
      return;
    case kMailTestCatalogue:
      take_catalogue(kMailTestCatalogue.read(message).catalogue);
      return;
    default:
      ADD_FAILURE() << "mail of kind " << kind;
  }
}

void LinkRecorder::take_catalogue(const Catalogue* catalogue) {
  if (!acknowledges) {
    if (catalogue_ != nullptr) return;  // goes on with the one it has
    catalogue_ = catalogue;
    print_ = print(*catalogue);
    return;
  }
  catalogue_ = catalogue;
  print_ = print(*catalogue);
  shard_->mail_surely(shard_->control(), kMailTestTaken, catalogue->version);
}

void LinkRecorder::on_tick() {
  if (catalogue_ == nullptr) return;
  if (print(*catalogue_) != print_) spoiled = true;
  ++looks;
}

std::string print(const Catalogue& catalogue) {
  std::string text;
  for (const CatalogueEntry& entry : catalogue.entries) {
    if (!text.empty()) text += ", ";
    text += entry.service_id + (entry.adult ? " adult" : " young");
    if (entry.draining) text += " draining";
  }
  return text;
}

LinksOptions quick() {
  LinksOptions options;
  options.manager.gateway_id = "g1";
  options.manager.young_for = 50ms;
  options.manager.redial_min = 1ms;
  options.manager.redial_max = 20ms;
  options.manager.drain_time = 1h;
  return options;
}

Links::Links(const LinksOptions& options) : published(options.shards) {
  ShardGroupOptions shards;
  shards.shards = options.shards;
  shards.shard.max_clients = 1;
  shards.shard.max_links = options.max_links;
  shards.shard.sweep_ms = 5;
  shards.shard.ring.client_buffers = 1;
  shards.shard.ring.link_buffers = 16;
  group = std::move(
      *ShardGroup::create(shards, [](std::uint32_t) { return std::make_unique<LinkRecorder>(); }));
  const Result<void> started = group->start({});
  EXPECT_TRUE(started) << started.error().message;
  thread.call([&] {
    const auto take = [this](std::uint32_t from, MailKind kind, ByteView message) {
      if (kind == kMailLinkClosed) manager->link_closed(kMailLinkClosed.read(message));
      if (kind == kMailLinkSeen) manager->link_seen(kMailLinkSeen.read(message));
      if (kind == kMailTestTaken) manager->catalogue_taken(from, kMailTestTaken.read(message));
    };
    thread.loop().watch(group->wake_fd(), ControlLoop::Until::kReadable,
                        [this, take] { group->drain(take); });
    thread.loop().at_turn_end([this] { return group != nullptr && group->flush(); });
    manager = std::make_unique<LinkManager>(
        thread.loop(), *group, options.manager, [this](std::uint32_t shard, const Catalogue* one) {
          published[shard].push_back(*one);
          group->post(shard, kMailTestCatalogue, TestCatalogueMail{one});
        });
    manager->on_change([this] { ++changes; });
  });
}

Links::~Links() {
  thread.call([&] {
    thread.loop().unwatch(group->wake_fd());
    group->stop();
    manager.reset();
  });
  thread.end();
}

void Links::update(const std::string& name, const std::vector<Instance>& services, bool partial) {
  thread.call([&] { manager->update(name, services, partial); });
}

bool Links::connected(const std::string& name) {
  return eventually([&] { return manager->connected(name); });
}

bool Links::not_connected(const std::string& name) {
  return eventually([&] { return !manager->connected(name); });
}

std::string Links::catalogue() {
  return thread.call([&] { return print(published[0].back()); });
}

bool Links::catalogue_becomes(const std::string& text) {
  return eventually([&] { return print(published[0].back()) == text; });
}

std::uint32_t Links::upstream_of(const std::string& service_id) {
  return thread.call([&] {
    const auto& entries = published[0].back().entries;
    const auto found = std::ranges::find(entries, service_id, &CatalogueEntry::service_id);
    return found == entries.end() ? 0 : found->upstream;
  });
}

void Links::drained(std::uint32_t shard, std::uint32_t upstream) {
  thread.call([&] { manager->upstream_drained(shard, upstream); });
}

Instance tcp_service(const std::string& id, std::uint16_t port, bool lanes) {
  Instance service;
  service.id = id;
  service.name = id.substr(0, id.find_first_of("0123456789"));
  service.address = "127.0.0.1";
  service.port = port;
  if (lanes) service.meta["lanes"] = "1";
  return service;
}

}  // namespace ringgate::test
