// Handlers: which one gets a request, in what order, and what becomes of one that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "services/handlers/echo.h"
#include "services/logic/failures.h"
#include "services/logic/mail.h"
#include "tests/services/logic/parked_store.h"
#include "tests/services/logic/test_service.h"

namespace ringgate {
namespace {

Task wait_for_store(Context& context) {
  auto getting = context.sessions().get(context.channel_id());
  const auto session = co_await getting;
  const std::string body = std::string(session ? "waited " : "failed ")
                               .append(context.account())
                               .append(" ")
                               .append(as_text(context.body()));
  context.respond(Status::kSuccess, as_bytes(body));
}

Task throw_later(Context& context) {
  auto getting = context.sessions().get(context.channel_id());
  static_cast<void>(co_await getting);
  throw std::runtime_error("on purpose");
}

Task say_nothing(Context&) {
  co_return;
}

Task answer_with(Context& context, std::string_view text) {
  context.respond(Status::kSuccess, as_bytes(text));
  co_return;
}

void fill(Router& router) {
  static const std::string captured = "captured";
  add_echo_handlers(router);
  router.handle("test.wait", wait_for_store);
  router.handle("test.throw_later", throw_later);
  router.handle("test.nothing", say_nothing);
  router.handle("test.captured",
                [text = &captured](Context& context) { return answer_with(context, *text); });
  router.handle("test.throw", [](Request&) { throw std::runtime_error("on purpose"); });
  router.handle("test.silent", [](Request&) {});
  router.handle("echo.special", [](Request& request) { request.respond(Status::kUnauthorized); });
  router.handle("test.parse", [](Request& request) {
    if (!request.parse<pkt::MessageReq>()) return;
    request.respond(Status::kSuccess);
    request.respond(Status::kUnauthorized);  // too late
  });
}

struct LogicRouterTest : testing::Test {
  void start(const LogicOptions& logic = {}) {
    TestServiceOptions options;
    options.logic = logic;
    options.extra_endpoints = 1;
    options.sessions = &thread;
    service.emplace(
        options,
        [this](Shard& shard, MessageIds&) {
          return std::make_unique<SessionStore>(thread.client(shard));
        },
        fill);
    service->start();
  }
  void send(TestGateway& gateway, std::string_view command, std::string_view channel,
            std::uint32_t sequence, std::string_view body = {}) {
    OutgoingHeader header;
    header.command = command;
    header.channel_id = channel;
    header.sequence = sequence;
    header.account = "alice";
    gateway.send(header, body);
  }
  void wait_until_asked(int times) {
    while (store.asked.load() < times) std::this_thread::yield();
  }
  ParkedStoreControl store;
  StoreThread thread = parked_store(store);
  std::optional<TestService> service;
};

TEST_F(LogicRouterTest, OneChannelInOrderOthersMeanwhile) {
  start();
  TestGateway gateway(service->port(), "g1");
  send(gateway, "test.wait", "slow", 1, "body");
  send(gateway, "echo.x", "slow", 2);
  send(gateway, "test.wait", "slow", 3);
  send(gateway, "chat.unknown", "slow", 4);
  send(gateway, "echo.x", "fast", 5);
  EXPECT_EQ(gateway.receive().header.sequence(), 5);
  store.open.store(true);
  const ReceivedPacket first = gateway.receive();
  EXPECT_EQ(first.header.sequence(), 1);
  EXPECT_EQ(first.body, "waited alice body");
  EXPECT_EQ(gateway.receive().header.sequence(), 2);
  EXPECT_EQ(gateway.receive().header.sequence(), 3);
  const ReceivedPacket last = gateway.receive();
  EXPECT_EQ(last.header.sequence(), 4);
  EXPECT_EQ(last.header.status(), pkt::Status::NotImplemented);
}

TEST_F(LogicRouterTest, TooManyWaitingOfOneChannelAreRefused) {
  LogicOptions options;
  options.channels.waiting_per_channel = 2;
  start(options);
  TestGateway gateway(service->port(), "g1");
  for (std::uint32_t i = 1; i <= 4; ++i) send(gateway, "test.wait", "c", i);
  const ReceivedPacket refused = gateway.receive();
  EXPECT_EQ(refused.header.sequence(), 4);
  EXPECT_EQ(refused.header.status(), pkt::Status::SystemException);
  store.open.store(true);
  for (std::uint32_t i = 1; i <= 3; ++i) EXPECT_EQ(gateway.receive().header.sequence(), i);
  EXPECT_EQ(service->count(LogicCounter::kChannelWaitingFull), 1);
  EXPECT_EQ(service->count(LogicCounter::kServiceRequestsFull), 0);
}

TEST_F(LogicRouterTest, TooManyRequestsAreRefused) {
  LogicOptions options;
  options.channels.requests = 2;
  start(options);
  TestGateway gateway(service->port(), "g1");
  send(gateway, "test.wait", "a", 1);
  send(gateway, "test.wait", "b", 2);
  send(gateway, "test.wait", "c", 3);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException);
  store.open.store(true);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  send(gateway, "test.wait", "c", 4);
  EXPECT_EQ(gateway.receive().header.sequence(), 4);
  EXPECT_EQ(service->count(LogicCounter::kServiceRequestsFull), 1);
  EXPECT_EQ(service->count(LogicCounter::kServiceRequestBytesFull), 0);
}

TEST_F(LogicRouterTest, RequestsOfTooManyBytesAreRefused) {
  LogicOptions options;
  options.channels.request_bytes = 1;
  start(options);
  TestGateway gateway(service->port(), "g1");
  send(gateway, "test.wait", "a", 1);
  send(gateway, "test.wait", "b", 2);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException);
  store.open.store(true);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  EXPECT_EQ(service->count(LogicCounter::kServiceRequestBytesFull), 1);
  EXPECT_EQ(service->count(LogicCounter::kServiceRequestsFull), 0);
}

TEST_F(LogicRouterTest, EveryRequestIsAnswered) {
  start();
  store.open.store(true);
  TestGateway gateway(service->port(), "g1");
  for (const char* const command :
       {"test.throw", "test.silent", "test.nothing", "test.throw_later"}) {
    send(gateway, command, "c", 1);
    EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException) << command;
  }
}

TEST_F(LogicRouterTest, AnExceptionIsCountedAndToldWithItsCommand) {
  start();
  store.open.store(true);
  TestGateway gateway(service->port(), "g1");
  std::vector<std::string> told;
  for (const char* const command : {"test.throw", "test.throw_later", "test.silent"}) {
    send(gateway, command, "c", 1);
    EXPECT_EQ(gateway.receive().header.status(), pkt::Status::SystemException) << command;
  }
  EXPECT_TRUE(service->wait_for(LogicCounter::kHandlerExceptions, 2));
  EXPECT_EQ(service->count(LogicCounter::kHandlerExceptions), 2);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (told.size() < 2 && std::chrono::steady_clock::now() < end) {
    service->group().drain([&told](std::uint32_t, MailKind kind, ByteView message) {
      if (kind == kMailHandlerFailed) {
        told.push_back(describe(kMailHandlerFailed.read(message)));
      }
    });
    std::this_thread::yield();
  }
  EXPECT_THAT(
      told, testing::ElementsAre("the handler of test.throw threw an exception: on purpose",
                                 "the handler of test.throw_later threw an exception: on purpose"));
}

TEST(HandlerFailed, WhatAClientChoseIsPrintable) {
  HandlerFailedMail mail{};
  mail.command = {'a', '\n', '\x1b', '\xff'};
  mail.command_bytes = 4;
  EXPECT_EQ(describe(mail), "the handler of a\\x0a\\x1b\\xff threw an exception: ");
}

TEST_F(LogicRouterTest, ACoroutineMayHaveMoreParameters) {
  start();
  TestGateway gateway(service->port(), "g1");
  send(gateway, "test.captured", "c", 1);
  EXPECT_EQ(gateway.receive().body, "captured");
}

TEST_F(LogicRouterTest, ACommandOfItsOwnComesBeforeAPrefix) {
  start();
  TestGateway gateway(service->port(), "g1");
  send(gateway, "echo.special", "c", 1);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Unauthorized);
}

TEST_F(LogicRouterTest, ABodyThatDoesNotParseIsAnsweredAndOnlyOneAnswerIsSent) {
  start();
  TestGateway gateway(service->port(), "g1");
  send(gateway, "test.parse", "c", 1, "\xFF\xFF");
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::InvalidPacketBody);
  send(gateway, "test.parse", "c", 2);
  EXPECT_EQ(gateway.receive().header.status(), pkt::Status::Success);
  send(gateway, "echo.x", "c", 3);
  EXPECT_EQ(gateway.receive().header.sequence(), 3);
}

TEST_F(LogicRouterTest, AnAnswerTakesAnotherLinkWhenItsOwnIsGone) {
  start();
  std::optional<TestGateway> asking;
  asking.emplace(service->port(), "g1", 0);
  TestGateway other(service->port(), "g1", 1);
  send(*asking, "test.wait", "c", 1);
  wait_until_asked(1);
  asking.reset();
  ASSERT_TRUE(service->wait_for(Counter::kClosed, 1));
  store.open.store(true);
  EXPECT_EQ(other.receive().header.sequence(), 1);
}

TEST_F(LogicRouterTest, AnAnswerWithoutALinkIsCounted) {
  start();
  {
    TestGateway gateway(service->port(), "g1");
    send(gateway, "test.wait", "c", 1);
    wait_until_asked(1);
  }
  ASSERT_TRUE(service->wait_for(Counter::kClosed, 1));
  store.open.store(true);
  EXPECT_TRUE(service->wait_for(LogicCounter::kNoGateway, 1));
}

// Its coroutine is destroyed while it waits, which must not leak or touch what is gone.
TEST_F(LogicRouterTest, AServiceMayEndWithRequestsUnderWay) {
  start();
  TestGateway gateway(service->port(), "g1");
  send(gateway, "test.wait", "c", 1);
  send(gateway, "test.wait", "c", 2);
  wait_until_asked(1);
  service.reset();
  EXPECT_TRUE(gateway.closed_by_peer());
}

}  // namespace
}  // namespace ringgate
