// A gateway and a logic service with all their threads, ended while requests, logins and links are
// under way. Neither may hang, and nothing may keep a descriptor.
#include <atomic>
#include <ctime>
#include <thread>

#include "codec/pkt.pb.h"
#include "control/links/manager.h"
#include "services/gateway/handler.h"
#include "services/handlers/echo.h"
#include "services/handlers/login.h"
#include "services/logic/service.h"
#include "services/store/memory.h"
#include "tests/common/loop_thread.h"
#include "tests/common/quiet_handler.h"
#include "tests/common/tcp_peer.h"

namespace ringgate {
namespace {

using test::LoopThread;
using test::TcpPeer;
using namespace std::chrono_literals;

constexpr std::string_view kSecret = "a secret of the tests";

ShardGroupOptions small_shards(std::uint32_t shards, AcceptMode accept) {
  ShardGroupOptions options;
  options.shards = shards;
  options.accept = accept;
  options.shard.max_clients = accept == AcceptMode::kDirect ? 64 : 1;
  options.shard.max_links = 16;
  options.shard.sweep_ms = 5;
  options.shard.ring.client_buffers = 32;
  options.shard.ring.link_buffers = 32;
  return options;
}

// Answers login.* and echo.*.
class LogicService {
 public:
  LogicService() : listener_{std::move(*ListenerSet::open({"127.0.0.1", 0}, 1, false))} {
    group_ =
        std::move(*ShardGroup::create(small_shards(1, AcceptMode::kHandOut), [](std::uint32_t) {
          return make_logic_handler({}, memory_sessions(), [](Router& router) {
            add_login_handlers(router);
            add_echo_handlers(router);
          });
        }));
    EXPECT_TRUE(group_->start({&listener_, 1}));
  }
  [[nodiscard]] std::vector<Instance> services() const {
    Instance service;
    service.id = "chat01";
    service.name = "chat";
    service.address = "127.0.0.1";
    service.port = listener_.sockets.port();
    service.meta["lanes"] = "1";
    return {service};
  }
  void stop() {
    group_->stop();
    listener_ = {};  // or new connections would wait in its backlog
  }

 private:
  Listener listener_;
  std::unique_ptr<ShardGroup> group_;
};

// A gateway as its process assembles it, without configuration and registry.
class Gateway {
 public:
  explicit Gateway(bool lanes) {
    options_.gateway_id = "g1";
    options_.nonce = make_channel_nonce();
    options_.secrets = {std::string(kSecret)};
    options_.routes = {{"login", "chat"}, {"echo", "chat"}};
    listener_.sockets = std::move(*ListenerSet::open({"127.0.0.1", 0}, 2, false));
    group_ =
        std::move(*ShardGroup::create(small_shards(2, AcceptMode::kDirect), [this](std::uint32_t) {
          return std::make_unique<GatewayHandler>(options_);
        }));
    EXPECT_TRUE(group_->start({&listener_, 1}));
    thread_.call([this, lanes] { start_control(lanes); });
  }
  ~Gateway() { stop(); }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void update(const std::vector<Instance>& services) {
    thread_.call([&] { links_->update("chat", services); });
  }
  [[nodiscard]] bool connected() {
    return thread_.eventually([this] { return links_->connected("chat"); });
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.sockets.port(); }
  void stop() {
    if (group_ == nullptr) return;
    thread_.call([this] {
      thread_.loop().unwatch(group_->wake_fd());
      group_->stop();
      links_.reset();
    });
    thread_.end();
    group_.reset();
    listener_ = {};
  }

 private:
  void start_control(bool lanes) {
    thread_.loop().watch(group_->wake_fd(), ControlLoop::Until::kReadable, [this] {
      group_->drain([this](std::uint32_t from, MailKind kind, ByteView message) {
        if (kind == kMailLinkClosed) links_->link_closed(kMailLinkClosed.read(message));
        if (kind == kMailLinkSeen) links_->link_seen(kMailLinkSeen.read(message));
        if (kind == kMailUpstreamDrained) {
          links_->upstream_drained(from, kMailUpstreamDrained.read(message));
        }
        if (kind == kMailCatalogueTaken) {
          links_->catalogue_taken(from, kMailCatalogueTaken.read(message).version);
        }
      });
    });
    thread_.loop().at_turn_end([this] { return group_->flush(); });
    LinkManagerOptions links;
    links.gateway_id = "g1";
    links.lanes = lanes;
    links.redial_min = 1ms;
    links.redial_max = 5ms;
    links.drain_time = 50ms;
    links_ = std::make_unique<LinkManager>(
        thread_.loop(), *group_, links, [this](std::uint32_t shard, const Catalogue* catalogue) {
          group_->post(shard, kMailCatalogue, CatalogueMail{catalogue});
        });
  }

  GatewayOptions options_;
  Listener listener_;
  std::unique_ptr<ShardGroup> group_;
  LoopThread thread_;
  std::unique_ptr<LinkManager> links_;  // the loop's thread
};

std::string packet(const OutgoingHeader& header, std::string_view body = {}) {
  std::string bytes(framed_packet_bytes(header, body.size()), '\0');
  write_framed_packet(reinterpret_cast<std::uint8_t*>(bytes.data()), header, as_bytes(body));
  return bytes;
}

// Logs in and sends requests and pings, always more than one unanswered, until the gateway ends.
class Traffic {
 public:
  Traffic(std::uint16_t port, int number) : port_(port), account_("user" + std::to_string(number)) {
    thread_ = std::thread([this] {
      while (!over_ && session()) {
      }
    });
  }
  ~Traffic() {
    over_ = true;
    thread_.join();
  }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  std::atomic<int> answers = 0;

 private:
  // False: nobody listens any more.
  bool session() {
    const TcpPeer socket(TcpPeer::connected(port_));
    if (socket.fd() < 0) return false;
    pkt::LoginReq login;
    login.set_token(sign_token({account_, "kim", std::time(nullptr) + 3600}, kSecret));
    socket.send(packet({.command = kCommandSignIn, .sequence = 1}, login.SerializeAsString()));
    std::uint32_t sequence = 2;
    for (int i = 0; i < 8; ++i) request(socket, sequence++);
    while (!over_) {
      const auto frame = socket.read_frame();
      if (!frame || frame->opcode == Opcode::kClose) return true;
      ++answers;
      request(socket, sequence++);
    }
    return true;
  }
  static void request(const TcpPeer& socket, std::uint32_t sequence) {
    if (sequence % 3 == 0) {
      socket.send(as_text(kTcpPing));
    } else {
      socket.send(packet({.command = "echo.test", .sequence = sequence}, "some words"));
    }
  }

  std::uint16_t port_;
  std::string account_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

void wait_for_answers(const std::vector<std::unique_ptr<Traffic>>& traffic, int each) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  for (const auto& one : traffic) {
    while (one->answers < each && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_GE(one->answers, each);
  }
}

void one_life(int round) {
  LogicService service;
  Gateway gateway(round % 2 == 0);
  gateway.update(service.services());
  // In every fifth round the clients are there before the link.
  const bool link_first = round % 5 != 0;
  if (link_first) {
    EXPECT_TRUE(gateway.connected());
  }
  std::vector<std::unique_ptr<Traffic>> traffic;
  for (int i = 0; i < 4; ++i) traffic.push_back(std::make_unique<Traffic>(gateway.port(), i));
  if (link_first) wait_for_answers(traffic, 3 * (round % 7));
  switch (round % 4) {
    case 0:  // the service first: links break under the requests
      service.stop();
      gateway.stop();
      return;
    case 1:  // the service, and the gateway goes on for a while without it
      service.stop();
      wait_for_answers(traffic, 3 * (round % 7) + 20);
      gateway.stop();
      return;
    case 2:  // the gateway first
      gateway.stop();
      service.stop();
      return;
    default:  // in the middle of a drain
      gateway.update({});
      gateway.stop();
      service.stop();
  }
}

TEST(Shutdown, WithTrafficInFlightLeavesNothingBehind) {
  one_life(1);  // what libraries keep open for good is open now
  const auto before = test::open_fds();
  for (int round = 0; round < 20; ++round) {
    one_life(round);
    ASSERT_EQ(test::open_fds(), before) << "after round " << round;
  }
}

// What a shard has accepted, or handed to another shard, must not be lost in between.
TEST(Shutdown, WhileLinksAreAcceptedKeepsNoneOfThem) {
  const auto before = test::open_fds();
  for (int round = 0; round < 30; ++round) {
    Listener listener{std::move(*ListenerSet::open({"127.0.0.1", 0}, 1, false))};
    auto group =
        std::move(*ShardGroup::create(small_shards(2, AcceptMode::kHandOut), [](std::uint32_t) {
          return std::make_unique<QuietHandler>();
        }));
    ASSERT_TRUE(group->start({&listener, 1}));
    std::atomic<bool> over = false;
    std::atomic<int> made = 0;
    std::thread callers([&, port = listener.sockets.port()] {
      while (!over) {
        const TcpPeer link(TcpPeer::connected(port));
        if (link.fd() < 0) return;
        ++made;
      }
    });
    while (made < round) std::this_thread::yield();
    group->stop();
    group.reset();
    listener = {};
    over = true;
    callers.join();
    ASSERT_EQ(test::open_fds(), before) << "after round " << round;
  }
}

TEST(Shutdown, OfAServiceThatComesAndGoesIsSurvivedByTheGateway) {
  Gateway gateway(true);
  std::vector<std::unique_ptr<Traffic>> traffic;
  for (int i = 0; i < 4; ++i) traffic.push_back(std::make_unique<Traffic>(gateway.port(), i));
  int answers = 0;
  for (int round = 0; round < 5; ++round) {
    LogicService service;
    gateway.update(service.services());  // at another port: the old one is drained
    EXPECT_TRUE(gateway.connected());
    for (const auto& one : traffic) answers = std::max(answers, one->answers.load());
    wait_for_answers(traffic, answers + 20);
  }
  gateway.stop();
}

}  // namespace
}  // namespace ringgate
