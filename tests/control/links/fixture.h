// A link manager over shards with real rings, and services that the test itself plays. The shards'
// handler does what a gateway's does with links and catalogues, and nothing else.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/links/manager.h"
#include "services/gateway/counters.h"
#include "services/gateway/upstreams/upstream.h"
#include "tests/common/loop_thread.h"
#include "tests/common/tcp_peer.h"

namespace ringgate::test {

inline constexpr MailRange kLinkTestMail{kMailHandler + 90, 2};
struct TestCatalogueMail {
  const Catalogue* catalogue;
};
inline constexpr MailOf<TestCatalogueMail> kMailTestCatalogue{kLinkTestMail[0]};
inline constexpr MailOf<std::uint64_t> kMailTestTaken{kLinkTestMail[1]};  // its version

// Keeps a catalogue until it gets the next one, and looks at it again and again.
class LinkRecorder final : public Handler {
 public:
  std::atomic<bool> acknowledges = true;
  std::atomic<std::uint64_t> looks = 0;  // at a catalogue that has not been acknowledged
  std::atomic<bool> spoiled = false;     // it was not what it had been
  std::atomic<int> retired = 0;
  std::function<void()> adopting;  // called with each link, before control is told that it is here

  [[nodiscard]] HandlerNames names() const noexcept override { return kGatewayNames; }
  void on_start(Shard& shard) override {
    shard_ = &shard;
    upstreams_ = std::make_unique<Upstreams>(shard, 16, 60'000, counts_);
  }
  void on_accept(Connection&) override {}
  void on_adopt(Connection& connection, const AdoptedFor& what) override;
  void on_adopt_refused(const AdoptedFor& what) override;
  void on_packet(Connection&, ByteView) override {}
  void on_close(Connection& connection, CloseReason reason) override {
    upstreams_->link_closed(connection, reason);
  }
  void on_deadline(Connection&) override {}
  void on_mail(std::uint32_t from, MailKind kind, ByteView message) override;
  void on_tick() override;

 private:
  void take_catalogue(const Catalogue* catalogue);

  Shard* shard_ = nullptr;
  InstanceCounters counts_{4};
  std::unique_ptr<Upstreams> upstreams_;
  const Catalogue* catalogue_ = nullptr;
  std::string print_;  // of the catalogue, when it came
};

std::string print(const Catalogue& catalogue);

// The handshake of a gateway named g1, and of its second lane.
inline const std::string kHandshake("\x02\0\0\0\x04\x0a\x02g1", 9);
inline const std::string kHandshakeLane1("\x02\0\0\0\x06\x0a\x02g1\x10\x01", 11);

struct LinksOptions {
  LinkManagerOptions manager;
  std::uint32_t shards = 2;
  std::uint32_t max_links = 16;  // of each shard
};

// For tests: short times.
LinksOptions quick();

class Links {
 public:
  explicit Links(const LinksOptions& options = quick());
  ~Links();
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;

  void update(const std::string& name, const std::vector<Instance>& services, bool partial = false);
  [[nodiscard]] bool eventually(const std::function<bool()>& condition) {
    return thread.eventually(condition);
  }
  // Waits for it.
  [[nodiscard]] bool connected(const std::string& name);
  [[nodiscard]] bool not_connected(const std::string& name);
  // The latest catalogue, as text: "chat01 adult, chat02 young draining".
  [[nodiscard]] std::string catalogue();
  [[nodiscard]] bool catalogue_becomes(const std::string& text);
  [[nodiscard]] std::uint32_t upstream_of(const std::string& service_id);
  void drained(std::uint32_t shard, std::uint32_t upstream);
  [[nodiscard]] LinkRecorder& recorder(std::uint32_t shard) {
    return dynamic_cast<LinkRecorder&>(group->handler(shard));
  }
  [[nodiscard]] std::uint64_t links(std::uint32_t shard) const {
    return group->shard(shard).counters().get(Gauge::kLinks);
  }

  LoopThread thread;
  std::unique_ptr<ShardGroup> group;
  std::unique_ptr<LinkManager> manager;           // the loop's thread
  std::vector<std::vector<Catalogue>> published;  // copies, by shard; the loop's thread
  int changes = 0;                                // calls of on_change; the loop's thread
};

Instance tcp_service(const std::string& id, std::uint16_t port, bool lanes = false);

}  // namespace ringgate::test
