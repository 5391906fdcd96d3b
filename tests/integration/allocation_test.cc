// A gateway's shard takes nothing from the system's allocator per message: counted over 100,000
// pings and 100,000 requests that are forwarded and answered, of clients of either transport. In
// one process, so that the test's own malloc can count; which thread asks is told by the thread's
// name.
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstring>
#include <new>
#include <thread>

#include "control/discovery/memory.h"
#include "services/gateway/component.h"
#include "services/handlers/chat.h"
#include "services/handlers/echo.h"
#include "services/handlers/login.h"
#include "services/logic/component.h"
#include "tests/common/counted_malloc.h"
#include "tests/common/free_port.h"
#include "tests/integration/ws_client.h"

namespace {

std::atomic<bool> counting{false};

}  // namespace

bool ringgate::test::counts_malloc() noexcept {
  if (!counting.load(std::memory_order_relaxed)) return false;
  char name[16] = {};
  prctl(PR_GET_NAME, name);
  return std::strncmp(name, "gateway", 7) == 0;
}

namespace ringgate::test {
namespace {

// `ringgate dev` in this process.
class Dev {
 public:
  Dev() : loop_(*ControlLoop::create()) {
    const auto directory = std::make_shared<MemoryDirectory>();
    Config service;
    service.service_id = "services";
    service.service_name = "chat";
    service.listen = {ListenSpec{{"127.0.0.1", 0}}};
    service.shards = 1;
    service.pin_shards = false;
    service.memory_sessions = true;
    service.message_store = "memory";
    logic_ = std::make_unique<LogicComponent>(
        service, *MemoryRegistry::open(directory), *loop_,
        [](Router& router) {
          add_chat_handlers(router);
          add_login_handlers(router);
          add_echo_handlers(router);
        },
        LogicUse{.keeps_messages = true});
    Config config;
    config.service_id = "g1";
    config.service_name = "tgateway";
    config.listen = {ListenSpec{{"127.0.0.1", tcp_port_}},
                     ListenSpec{{"127.0.0.1", ws_port_}, Transport::kWebSocket}};
    config.app_secret = kSecret;
    config.shards = 1;
    config.pin_shards = false;
    config.routes = {{"login", "chat"}, {"echo", "chat"}};
    gateway_ = std::make_unique<GatewayComponent>(config, *MemoryRegistry::open(directory), *loop_,
                                                  nullptr);
    for (Component* const part :
         {static_cast<Component*>(logic_.get()), static_cast<Component*>(gateway_.get())}) {
      const Result<void> started = part->start();
      if (!started) throw std::runtime_error(started.error().message);
    }
    thread_ = std::thread([this] { loop_->run(); });
    wait_until("ready", [this] { return !gateway_->ready(); });
  }
  ~Dev() {
    loop_->stop();
    thread_.join();
  }
  Dev(const Dev&) = delete;
  Dev& operator=(const Dev&) = delete;

  [[nodiscard]] AnyClient log_in(const std::string& account, Transport transport) const {
    AnyClient client = transport == Transport::kTcp
                           ? AnyClient(FrameSocket(Socket::connect(tcp_port_)))
                           : AnyClient(WsSocket::open(ws_port_));
    client.send(login(token(account)));
    if (!client.next().is_answer(1)) throw std::runtime_error("no login");
    return client;
  }

 private:
  std::uint16_t tcp_port_ = free_port();
  std::uint16_t ws_port_ = free_port();
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<LogicComponent> logic_;
  std::unique_ptr<GatewayComponent> gateway_;
  std::thread thread_;
};

// `total` of what `make` gives, in bursts over all clients; each is answered.
template <class Make>
void exchange(std::vector<AnyClient>& clients, int total, Event::Kind answered_by, Make&& make) {
  constexpr int kBurst = 50;
  std::uint32_t sequence = 100;
  for (int done = 0; done < total;) {
    for (AnyClient& client : clients) {
      std::string burst;
      for (int i = 0; i < kBurst; ++i) burst += make(++sequence);
      client.send_bytes(burst);
    }
    for (AnyClient& client : clients) {
      for (int i = 0; i < kBurst; ++i, ++done) {
        const Arrival answer = client.next();
        ASSERT_EQ(answer.kind, answered_by) << answer;
        ASSERT_EQ(answer.header.status(), pkt::Success) << answer;
      }
    }
  }
}

std::string an_echo(std::uint32_t sequence) {
  return packet(header("echo.it", sequence), "a body of some bytes");
}

class ShardAllocations : public testing::Test {
 protected:
  void SetUp() override {
    if (!kMallocIsCounted) GTEST_SKIP() << "sanitizers have a malloc of their own";
  }
  void TearDown() override { counting = false; }

  void log_in(Transport transport) {
    counting = true;
    for (int i = 0; i < 10; ++i) {
      clients_.push_back(dev_.log_in("account" + std::to_string(i), transport));
    }
    EXPECT_GT(counted_mallocs(), 0U) << "logging in allocates: this test does not count";
  }

  template <class Make>
  void expect_none(const char* what, Event::Kind answered_by, Make&& make) {
    constexpr int kWarmUp = 20'000;
    constexpr int kMessages = 100'000;
    exchange(clients_, kWarmUp, answered_by, make);
    EXPECT_EQ(fewest_mallocs([&] { exchange(clients_, kMessages, answered_by, make); }), 0U)
        << "over 100,000 " << what;
  }

  Dev dev_;
  std::vector<AnyClient> clients_;
};

TEST_F(ShardAllocations, AreNoneInSteadyState) {
  log_in(Transport::kTcp);
  expect_none("pings", Event::Kind::kPong, [](std::uint32_t) { return ping(); });
  expect_none("forwards", Event::Kind::kLogic, an_echo);
}

TEST_F(ShardAllocations, AreNoneInSteadyStateOverWebSocket) {
  log_in(Transport::kWebSocket);
  expect_none("packet pings", Event::Kind::kPong,
              [](std::uint32_t) { return ws_frames_of(ping()); });
  expect_none("WebSocket pings", Event::Kind::kFrame,
              [](std::uint32_t) { return ws_frame(Opcode::kPing, "heartbeat"); });
  expect_none("forwards", Event::Kind::kLogic,
              [](std::uint32_t sequence) { return ws_frames_of(an_echo(sequence)); });
  expect_none("fragmented forwards", Event::Kind::kLogic,
              [](std::uint32_t sequence) { return ws_fragments_of(an_echo(sequence), 20); });
}

}  // namespace
}  // namespace ringgate::test
