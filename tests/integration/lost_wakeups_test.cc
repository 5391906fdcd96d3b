// Every wake-up between the threads of a gateway and a logic service gets lost, from before the
// first link: it is all slower, and it all happens.
#include "tests/common/lost_wakeups.h"

#include <gtest/gtest.h>

#include <thread>

#include "control/discovery/memory.h"
#include "services/gateway/component.h"
#include "services/handlers/echo.h"
#include "services/handlers/login.h"
#include "services/logic/component.h"
#include "tests/common/free_port.h"
#include "tests/integration/packets.h"
#include "tests/integration/socket.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

class LostWakeUps : public testing::Test {
 protected:
  LostWakeUps() {
    const auto directory = std::make_shared<MemoryDirectory>();
    Config service;
    service.service_id = "services";
    service.service_name = "login";
    service.listen = {ListenSpec{{"127.0.0.1", 0}}};
    service.shards = 1;
    service.pin_shards = false;
    service.memory_sessions = true;
    logic_ = std::make_unique<LogicComponent>(
        service, *MemoryRegistry::open(directory), *loop_,
        [](Router& router) {
          add_login_handlers(router);
          add_echo_handlers(router);
        },
        LogicUse{});
    Config config;
    config.service_id = "g1";
    config.service_name = "tgateway";
    config.listen = {ListenSpec{{"127.0.0.1", port_}}};
    config.app_secret = kSecret;
    config.shards = 2;  // of one link: one of them has to hand its packets over
    config.pin_shards = false;
    config.routes = {{"echo", "login"}};
    gateway_ = std::make_unique<GatewayComponent>(config, *MemoryRegistry::open(directory), *loop_,
                                                  nullptr);
  }
  ~LostWakeUps() override {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
  }
  void start() {
    for (Component* const part :
         {static_cast<Component*>(logic_.get()), static_cast<Component*>(gateway_.get())}) {
      const Result<void> started = part->start();
      ASSERT_TRUE(started) << started.error().message;
    }
    // The loop's own, two registries', and one for each thread with mail.
    EXPECT_GE(lose_wakeups(), 8U);
    tick();
    thread_ = std::thread([this] { loop_->run(); });
  }

  std::uint16_t port_ = free_port();
  std::unique_ptr<ControlLoop> loop_ = std::move(*ControlLoop::create());
  std::unique_ptr<LogicComponent> logic_;
  std::unique_ptr<GatewayComponent> gateway_;

 private:
  void tick() {
    logic_->tick();
    gateway_->tick();
    loop_->after(std::chrono::milliseconds(50), [this] { tick(); });
  }
  std::thread thread_;
};

TEST_F(LostWakeUps, ServicesAreFoundAndClientsServedAllTheSame) {
  start();
  wait_until("ready", [this] { return !gateway_->ready(); });
  // The kernel chooses a client's shard: of so many, each shard has some.
  for (int i = 0; i < 8; ++i) {
    FrameSocket client(Socket::connect(port_));
    client.send(login(token("alice" + std::to_string(i))));
    ASSERT_TRUE(client.next().is_answer(1));
    client.send(packet(header("echo.it", 2), "hello"));
    ASSERT_TRUE(client.next().is_answer(2));
  }
}

}  // namespace
}  // namespace ringgate::test
