// A peer that ends its side: what it sent before is handled first, also where it has to wait.
#include <cstring>
#include <string>
#include <vector>

#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::frame;
using test::TestClose;
using test::text;

void say(Shard& shard, Connection& connection, std::string_view words) {
  if (std::uint8_t* const to = shard.reserve(connection, words.size()); to != nullptr) {
    std::memcpy(to, words.data(), words.size());
  }
}

// The first packet is a login: what follows waits until the test releases it.
struct HeldShard : FakeShard {
  HeldShard() : FakeShard(1) {
    handler.packet = [this](Connection& client, ByteView payload) {
      if (connection == nullptr) {
        connection = &client;
        shard.hold_input(client);
      } else {
        packets.emplace_back(as_text(payload));
      }
    };
  }
  FakePeer& connect_and_send(const std::vector<std::string>& words) {
    FakePeer& peer = connect();
    std::vector<std::uint8_t> all;
    for (const std::string& one : words) {
      const std::vector<std::uint8_t> bytes = frame(Opcode::kBinary, one);
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    peer.send(all);
    return peer;
  }
  void expect_gone(const FakePeer& peer, CloseReason reason) {
    EXPECT_TRUE(turn_until([&] { return peer.closed; }));
    turn();
    EXPECT_EQ(handler.reasons, std::vector{reason});
    EXPECT_TRUE(turn_until([&] { return shard.table().clients() == 0; }));
    expect_idle();
  }

  Connection* connection = nullptr;
  std::vector<std::string> packets;
};

TEST(PeerEnd, WhatWasSentBeforeItIsHandledWhenTheInputIsReleased) {
  HeldShard it;
  FakePeer& peer = it.connect_and_send({"login", "one", "two"});
  peer.ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.connection != nullptr && it.connection->saw_eof; }));
  EXPECT_TRUE(it.handler.reasons.empty()) << "it waits";
  EXPECT_TRUE(it.packets.empty());
  say(it.shard, *it.connection, "welcome");
  it.shard.release_input(*it.connection);
  EXPECT_EQ(it.packets, (std::vector<std::string>{"one", "two"}));
  it.expect_gone(peer, CloseReason::kPeerClosed);
  EXPECT_EQ(text(peer.received), "welcome") << "a peer that ended its side still reads";
}

// A handler that holds and at once releases, in the middle of what waited.
TEST(PeerEnd, AReleaseWithinAReleaseLosesNothing) {
  HeldShard it;
  it.connect_and_send({"login", "one", "two", "three"}).ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.connection != nullptr && it.connection->saw_eof; }));
  it.handler.packet = [&](Connection& client, ByteView payload) {
    it.packets.emplace_back(as_text(payload));
    it.shard.hold_input(client);
    it.shard.release_input(client);
  };
  it.shard.release_input(*it.connection);
  EXPECT_EQ(it.packets, (std::vector<std::string>{"one", "two", "three"}));
}

TEST(PeerEnd, ACloseFrameThatWaitsIsAnsweredAfterWhatCameBefore) {
  HeldShard it;
  FakePeer& peer = it.connect_and_send({"login", "one"});
  peer.send(frame(Opcode::kClose, ""));
  peer.ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.connection != nullptr && it.connection->saw_eof; }));
  it.shard.release_input(*it.connection);
  EXPECT_EQ(it.packets, (std::vector<std::string>{"one"}));
  it.expect_gone(peer, CloseReason::kPeerCloseFrame);
  EXPECT_EQ(peer.received, frame(Opcode::kClose, ""));
}

TEST(PeerEnd, AlsoAfterAReset) {
  HeldShard it;
  FakePeer& peer = it.connect_and_send({"login", "one"});
  ASSERT_TRUE(it.turn_until([&] { return peer.inbound.empty() && it.connection != nullptr; }));
  peer.reset = true;
  ASSERT_TRUE(it.turn_until([&] { return it.connection->saw_eof; }));
  it.shard.release_input(*it.connection);
  EXPECT_EQ(it.packets, (std::vector<std::string>{"one"}));
  it.expect_gone(peer, CloseReason::kPeerClosed);
}

TEST(PeerEnd, AResetWithNothingThatWaitsEndsItAtOnce) {
  HeldShard it;
  FakePeer& peer = it.connect_and_send({"login"});
  ASSERT_TRUE(it.turn_until([&] { return it.connection != nullptr; }));
  peer.reset = true;
  it.expect_gone(peer, CloseReason::kPeerReset);
}

TEST(PeerEnd, AnEndThatIsNeverReleasedIsTheDeadlines) {
  HeldShard it;
  it.handler.deadline = [&](Connection& connection) {
    it.shard.finish(connection, TestClose::kLoginTimeout);
  };
  FakePeer& peer = it.connect_and_send({"login", "one"});
  peer.ended = true;
  ASSERT_TRUE(it.turn_until([&] { return it.connection != nullptr && it.connection->saw_eof; }));
  it.shard.set_deadline(*it.connection, 500);
  it.expect_gone(peer, TestClose::kLoginTimeout);
  EXPECT_TRUE(it.packets.empty());
}

// The handler says whether there is more to be said to it.
struct KeepingHandler : test::ScriptedHandler {
  bool on_peer_end(Connection& connection) override {
    kept = &connection;
    return false;
  }
  Connection* kept = nullptr;
};

TEST(PeerEnd, AHandlerMayHaveMoreToSay) {
  KeepingHandler handler;
  FakeShard it(1, {}, test::small_shard(), &handler);
  FakePeer& peer = it.connect();
  peer.send(frame(Opcode::kBinary, "a question"));
  peer.ended = true;
  ASSERT_TRUE(it.turn_until([&] { return handler.kept != nullptr; }));
  for (int i = 0; i < 100; ++i) it.turn();
  EXPECT_TRUE(handler.reasons.empty());
  say(it.shard, *handler.kept, "the answer");
  it.shard.finish(*handler.kept, CloseReason::kPeerClosed);
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  EXPECT_EQ(text(peer.received), "the answer");
  it.expect_idle();
}

}  // namespace
}  // namespace ringgate
