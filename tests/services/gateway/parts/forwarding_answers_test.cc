// How requests end: with an answer, or with 300.
#include <vector>

#include "tests/services/gateway/parts/forwarding_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::ForwardingPart;
using test::Got;
using test::kEcho;
using test::kLogin;
using test::kUnknownOutcome;
using test::Mail;
using test::TestClient;

// --- Answers ------------------------------------------------------------------------------------

TEST_F(ForwardingPart, AnAnswerEndsItsRequestOnce) {
  gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  echo().given_up = 3;
  EXPECT_TRUE(answer(place(client), 1));
  EXPECT_EQ(echo().given_up, 0u) << "it answers: see ejector.h";
  EXPECT_EQ(outstanding(), 0u);
  EXPECT_EQ(channel_of(*client.connection)->outstanding, 0u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kAnswered), 1u);
  EXPECT_FALSE(answer(place(client), 1)) << "the second";
  EXPECT_EQ(gateway_.count(GatewayCounter::kAnswerLate), 1u);
  EXPECT_EQ(outstanding(), 0u);
}

TEST_F(ForwardingPart, AnAnswerThatIsNotToThatRequestEndsNothing) {
  gateway_.link(kEcho);
  gateway_.link(kLogin);
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  ChannelPlace other = place(client);
  ++other.login;
  EXPECT_FALSE(answer(other, 1));
  EXPECT_FALSE(answer(place(client), 2));
  EXPECT_FALSE(answer(place(client), 1, kLogin)) << "whom nobody asked";
  EXPECT_FALSE(answer(place(client), 1, 77)) << "who is not known any more";
  EXPECT_EQ(outstanding(), 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kAnswerLate), 4u);
}

TEST_F(ForwardingPart, TheAnswerToASignOutIsNotLate) {
  gateway_.link(kLogin);
  DeliveryHead head;
  head.upstream = kLogin;
  head.is_signout = 1;
  EXPECT_FALSE(forwarding_.answered(head, {0, 0, 7}));
  EXPECT_EQ(gateway_.count(GatewayCounter::kAnswerLate), 0u) << "it was never outstanding";
}

TEST_F(ForwardingPart, WhatIsNotAnsweredInTimeFailsAndItsAnswerIsTooLate) {
  gateway_.context.options.answer_timeout_ms = 100;
  gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  gateway_.pass(60);
  ask(client, 2);
  forwarding_.on_tick();
  expect_failed(client, {}, "");
  gateway_.pass(50);
  forwarding_.on_tick();
  expect_failed(client, {1}, kUnknownOutcome);
  EXPECT_EQ(echo().given_up, 1u);
  EXPECT_EQ(gateway_.count(GatewayCounter::kAnswerTimeouts), 1u);
  EXPECT_FALSE(answer(place(client), 1));
  EXPECT_TRUE(answer(place(client), 2));
  EXPECT_EQ(outstanding(), 0u);
}

// --- Links that break ---------------------------------------------------------------------------

TEST_F(ForwardingPart, ABrokenLinkFailsAllThatWaitsForItAndNothingElse) {
  gateway_.link(kEcho);
  gateway_.link(kLogin);
  const TestClient alice = gateway_.channel("alice");
  const TestClient bob = gateway_.channel("bob");
  ask(alice, 1);
  ask(bob, 1);
  ask(alice, 2);
  forwarding_.fail_all(*gateway_.context.upstreams.find(kLogin));
  EXPECT_EQ(outstanding(), 3u);
  forwarding_.fail_all(echo());
  expect_failed(alice, {1, 2}, kUnknownOutcome);
  expect_failed(bob, {1}, kUnknownOutcome);
  EXPECT_EQ(gateway_.count(GatewayCounter::kAnswersFailedByLink), 3u);
  EXPECT_EQ(outstanding(), 0u);
  EXPECT_EQ(channel_of(*alice.connection)->outstanding, 0u);
  EXPECT_FALSE(answer(place(alice), 1));
}

TEST_F(ForwardingPart, ALoginThatFailsEndsItsConnection) {
  gateway_.link(kLogin);
  const TestClient client = gateway_.channel("alice", ChannelState::kLoggingIn);
  Upstream& login = *gateway_.context.upstreams.find(kLogin);
  ASSERT_TRUE(login.outstanding.add(
      {client.connection->slot, channel_of(*client.connection)->login, 7, kCommandSignIn}, 0));
  forwarding_.fail_all(login);
  const std::vector<Got> got = gateway_.got(*client.peer);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].header.command(), kCommandSignIn);
  EXPECT_EQ(words(got[0]), kUnknownOutcome);
  EXPECT_EQ(got[1].closed, "no_login_service");
  EXPECT_EQ(gateway_.told(kMailLoginFailed).size(), 1u);
}

// The slot of who asked may be another's by now.
TEST_F(ForwardingPart, WhoCameAfterIsNotToldOfWhatItDidNotAsk) {
  gateway_.link(kEcho);
  const TestClient bob = gateway_.channel("bob");
  ask(bob, 1);
  const ChannelPlace gone{0, bob.connection->slot, place(bob).login - 1};
  ASSERT_TRUE(echo().outstanding.add({gone.slot, gone.login, 9, "echo.test"}, 0));
  ASSERT_TRUE(echo().outstanding.add({gone.slot, gone.login, 10, "echo.test"}, 0));
  EXPECT_TRUE(answer(gone, 10));
  EXPECT_EQ(channel_of(*bob.connection)->outstanding, 1u) << "is not taken off his";
  forwarding_.fail_all(echo());
  expect_failed(bob, {1}, kUnknownOutcome);
}

TEST_F(ForwardingPart, TheLastAnswerOfAChannelThatIsGoneSignsItOut) {
  FakePeer& service = gateway_.link(kEcho);
  FakePeer& login = gateway_.link(kLogin);
  const TestClient alice = gateway_.channel("alice");
  const ChannelPlace place = ForwardingPart::place(alice);
  ask(alice, 1);
  ask(alice, 2);
  alice.peer->reset = true;
  gateway_.pass(1);
  EXPECT_EQ(gateway_.got(service).size(), 2u);
  EXPECT_TRUE(answer(place, 2));
  EXPECT_TRUE(gateway_.got(login).empty());
  EXPECT_TRUE(answer(place, 1));
  const std::vector<Got> got = gateway_.got(login);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].header.command(), kCommandSignOut);
}

// --- The home shard's refusal -------------------------------------------------------------------

TEST_F(ForwardingPart, WhatTheHomeShardRefusesFailsOnce) {
  gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  const std::uint32_t login = channel_of(*client.connection)->login;
  const auto refuse = [this](const ToLinkHead& head) { forwarding_.take_refused(bytes_of(head)); };
  refuse({77, 1, login, 1});         // of nobody known
  refuse({kEcho, 1, login, 2});      // which nobody asked
  refuse({kEcho, 1, login + 1, 1});  // of somebody else
  EXPECT_EQ(outstanding(), 1u);
  for (int i = 0; i < 2; ++i) refuse({kEcho, 1, login, 1});
  expect_failed(client, {1}, kUnknownOutcome);
  EXPECT_EQ(gateway_.count(GatewayCounter::kForwardFailed), 1u);
  EXPECT_EQ(outstanding(), 0u);
}

// --- Ends ---------------------------------------------------------------------------------------

TEST_F(ForwardingPart, AClientThatEndsItsSideWaitsForItsAnswersUpToABound) {
  gateway_.context.options.login_answer_timeout_ms = 50;
  gateway_.link(kEcho);
  const TestClient nobody = gateway_.connect();
  EXPECT_TRUE(forwarding_.on_peer_end(*nobody.connection));
  const TestClient client = gateway_.channel("alice");
  EXPECT_TRUE(forwarding_.on_peer_end(*client.connection)) << "it has asked nothing";
  ask(client, 1);
  EXPECT_FALSE(forwarding_.on_peer_end(*client.connection));
  EXPECT_EQ(client.connection->deadline_ms, gateway_.it.shard.now_ms() + 50);
}

TEST_F(ForwardingPart, WhoHasEndedItsSideIsClosedWithItsLastAnswer) {
  gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  ask(client, 2);
  client.connection->saw_eof = true;
  EXPECT_TRUE(answer(place(client), 1));
  forwarding_.end_if_answered(*client.connection);
  EXPECT_TRUE(client.connection->open());
  EXPECT_TRUE(answer(place(client), 2));
  client.connection->held = true;  // a packet of it is still to be handled
  forwarding_.end_if_answered(*client.connection);
  EXPECT_TRUE(client.connection->open());
  client.connection->held = false;
  forwarding_.end_if_answered(*client.connection);
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerClosed});
}

// Beyond its share of a turn, or of a second, or behind with its answers: what it sent waits.
TEST_F(ForwardingPart, WhoHasEndedItsSideStaysWhileWhatItSentIsCollected) {
  gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  Connection& connection = *client.connection;
  connection.saw_eof = true;
  connection.deferred = true;
  forwarding_.end_if_answered(connection);
  EXPECT_TRUE(connection.open());
  connection.deferred = false;
  connection.throttled = true;
  forwarding_.end_if_answered(connection);
  EXPECT_TRUE(connection.open());
  connection.throttled = false;
  connection.full = true;
  forwarding_.end_if_answered(connection);
  EXPECT_TRUE(connection.open());
  connection.full = false;
  forwarding_.end_if_answered(connection);
  EXPECT_EQ(gateway_.it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerClosed});
}

TEST_F(ForwardingPart, AnUpstreamThatDrainsIsReportedOnceWhenNothingIsLeft) {
  gateway_.link(kEcho);
  const TestClient client = gateway_.channel("alice");
  ask(client, 1);
  forwarding_.on_tick();
  echo().draining = true;
  forwarding_.on_tick();
  EXPECT_TRUE(gateway_.told(kMailUpstreamDrained).empty());
  EXPECT_TRUE(answer(place(client), 1));
  for (int i = 0; i < 2; ++i) forwarding_.on_tick();
  const std::vector<Mail> told = gateway_.told(kMailUpstreamDrained);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(kMailUpstreamDrained.read(told[0].message), kEcho);
}

}  // namespace
}  // namespace ringgate
