// Two shards of a gateway, in this process. The test plays the rest: the control thread, the
// services at the other end of the links, and the clients.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "dataplane/shard_group.h"
#include "services/gateway/counters.h"
#include "services/gateway/handler.h"
#include "services/gateway/settings_on_shards.h"
#include "tests/common/tcp_peer.h"

namespace ringgate::test {

struct WorldPacket {
  bool ended = false;       // no packet: the connection has ended
  std::string close_words;  // no packet: a close frame, and what it says
  pkt::Header header;
  std::string body;
};

// A packet in a frame.
std::string packet(const OutgoingHeader& header, std::string_view body = {});
// The next packet; ping frames on links are skipped.
WorldPacket receive(const TcpPeer& peer);
// Waits for that many answers and says which sequences had that status.
std::multiset<std::uint32_t> sequences(const TcpPeer& client, std::size_t packets, Status status);

struct WorldClient {
  TcpPeer socket;
  std::string channel;
  std::uint32_t shard = 0;

  bool send(std::uint32_t sequence, std::string_view body = {},
            std::string_view command = "echo.test") const {
    return socket.send(packet({.command = command, .sequence = sequence}, body));
  }
};

struct WorldOptions {
  WorldOptions();
  GatewayOptions gateway;
  ShardGroupOptions shards;
  Transport transport = Transport::kTcp;  // of its clients
};

class World {
 public:
  explicit World(WorldOptions options = {});

  // Control: reads the shards' mail, and makes what was posted visible.
  void pump();
  // Pumps until it holds; false after 20 s.
  [[nodiscard]] bool until(const std::function<bool()>& condition);

  // A link of that upstream from its home shard to the test, which reads and writes as the service.
  // Returns when the shards that can use it know of it.
  TcpPeer link(std::uint32_t upstream, std::uint32_t home, std::uint32_t lane = kNoLane,
               int buffer_bytes = 0);
  // Which instances there are; returns when all shards know.
  void publish(const std::vector<CatalogueEntry>& entries,
               std::shared_ptr<const SelectorSet> selectors = nullptr);
  void retire(std::uint32_t upstream);
  // Sends these options to the shards, as a reload does; does not wait for them.
  void reload(const GatewayOptions& gateway);
  // A link of upstream 1, "login", and a catalogue with it and upstream 2, "echo", both adult.
  void start_login();
  // A client on that shard; start_login() comes first.
  WorldClient login(std::uint32_t shard, const std::string& account = "alice");
  // Answers a request that came on a link.
  static void answer(const TcpPeer& link, const WorldPacket& request, std::string_view body = {});
  // A push to a client that no request waits for.
  static void push(const TcpPeer& link, const WorldClient& client, std::string_view body);

  template <NamedBy<CounterName> Enum>
  [[nodiscard]] std::uint64_t count(std::uint32_t shard, Enum counter) const {
    return group->shard(shard).counters().get(counter);
  }
  template <NamedBy<CounterName> Enum>
  [[nodiscard]] std::uint64_t count(Enum counter) const {
    return count(0, counter) + count(1, counter);
  }
  [[nodiscard]] std::uint64_t outstanding(std::uint32_t shard) const {
    return group->shard(shard).counters().get(GatewayGauge::kOutstanding);
  }

  WorldOptions options;
  Listener listener;
  std::vector<std::unique_ptr<Catalogue>> catalogues;
  SettingsOnShards settings;
  std::unique_ptr<ShardGroup> group;
  std::unique_ptr<TcpPeer> login_link;
  std::uint32_t next_epoch = 1;
  // What the shards told control.
  std::vector<LinkEvent> closed;
  std::map<std::uint32_t, int> seen;  // by epoch
  std::map<std::uint32_t, std::uint64_t> taken;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> drained;  // shard, upstream
  std::vector<std::pair<std::uint32_t, EjectedMail>> ejected;    // shard, what
  std::set<std::uint32_t> boot_ended;                            // shards
  std::set<std::uint32_t> all_drained;                           // shards
  std::vector<std::string> signouts;  // for a link that is said to be at home with control
};

CatalogueEntry login_entry();
CatalogueEntry echo_entry(bool draining = false);

}  // namespace ringgate::test
