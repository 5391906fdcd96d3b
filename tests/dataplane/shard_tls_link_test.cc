// Links over TLS, over the fake kernel: those that control has shaken hands for.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "codec/tls/records.h"
#include "dataplane/tls_handover.h"
#include "tests/dataplane/tls_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::small_shard;
using test::tcp_frame;

constexpr std::uint8_t kOfGateway = 1;
constexpr std::uint8_t kOfService = 2;

// As a handshake leaves them: what one side writes with, the other reads with.
tls::Records records(tls::Peer peer, std::uint8_t read, std::uint8_t write) {
  const std::vector<std::uint8_t> reads(32, read);
  const std::vector<std::uint8_t> writes(32, write);
  tls::KeySchedule schedule = tls::KeySchedule::create().value();
  return tls::Records::create(
             schedule,
             {.suite = tls::Suite::kAes128GcmSha256, .peer = peer, .read = reads, .write = writes})
      .value();
}

// The service's side of a link that the shard is given.
class Service {
 public:
  std::string seal(std::string_view plain) {
    std::string sealed(records_.data_bytes(plain.size()), '\0');
    const ByteView parts[] = {as_bytes(plain)};
    EXPECT_NE(records_.write_data(reinterpret_cast<std::uint8_t*>(sealed.data()), cipher_, parts),
              nullptr);
    return sealed;
  }
  // What the shard has said so far.
  std::string heard(const FakePeer& peer) {
    std::vector<std::uint8_t> fresh(peer.received.begin() + static_cast<std::ptrdiff_t>(taken_),
                                    peer.received.end());
    MutableBytes rest(fresh);
    while (true) {
      const tls::OpenStep step = records_.open(cipher_, rest);
      if (step.status == tls::OpenStatus::kNeedMore) break;
      taken_ += step.consumed;
      rest = rest.subspan(step.consumed);
      if (step.status == tls::OpenStatus::kData) plain_ += as_text(step.data);
      if (step.status == tls::OpenStatus::kCloseNotify) was_told_the_end = true;
      if (step.status != tls::OpenStatus::kData) break;
    }
    return plain_;
  }
  bool was_told_the_end = false;

 private:
  tls::Records records_ = records(tls::Peer::kClient, kOfGateway, kOfService);
  tls::Cipher cipher_ = tls::Cipher::create().value();
  std::string plain_;
  std::size_t taken_ = 0;
};

AdoptMail sealed_link(int fd, const std::string& rest = {}) {
  auto handover = std::make_unique<TlsHandover>(
      TlsHandover{.records = records(tls::Peer::kServer, kOfService, kOfGateway)});
  handover->rest.assign(rest.begin(), rest.end());
  return {.fd = fd,
          .accepted = 0,
          .peer = PeerAddress::from(sockaddr_storage{}),
          .what = AdoptedFor{7, 0, 1},
          .handover = handover.release()};
}

// No listener of this shard speaks TLS. What came with the handshake is handled once the handler
// knows the link.
TEST(ShardTlsLink, ASealedLinkGoesOnWhereItsHandshakeEnded) {
  test::for_each_seed(12, [](std::uint64_t seed) {
    FakeShard it(seed, {.stall = 3, .short_send = 3, .no_buffers = 5, .recv_ends = 5});
    std::vector<std::string> events;
    it.handler.adopted = [&](Connection&, const AdoptedFor& what) {
      events.push_back("adopted for " + std::to_string(what.subject));
    };
    it.handler.packet = [&](Connection& connection, ByteView payload) {
      events.emplace_back(as_text(payload.first(std::min<std::size_t>(payload.size(), 8))));
      std::uint8_t* const to = it.shard.reserve_frame(connection, Opcode::kBinary, payload.size());
      if (to != nullptr) std::ranges::copy(payload, to);
    };
    Service service;
    const std::string first = tcp_frame(Opcode::kBinary, "at once!");
    const std::string sealed = service.seal(first);
    FakePeer* peer = nullptr;
    const int fd = it.kernel.connect_fd(peer);
    const std::size_t cut = seed * 3 % (sealed.size() + 1);  // the rest of it comes later
    it.post(kMailAdopt, bytes_of(sealed_link(fd, sealed.substr(0, sealed.size() - cut))));
    it.turn();
    peer->send(as_bytes(std::string_view(sealed).substr(sealed.size() - cut)));
    std::string expected = first;
    for (const std::size_t size : {8U, 40'000U, 1U}) {
      const std::string frame = tcp_frame(Opcode::kBinary, std::string(size, 'x'));
      for (std::size_t at = 0; at < frame.size(); at += tls::kMaxTextBytes) {
        peer->send(as_bytes(service.seal(frame.substr(at, tls::kMaxTextBytes))));
      }
      expected += frame;
    }
    EXPECT_TRUE(it.turn_until([&] { return service.heard(*peer).size() >= expected.size(); }));
    EXPECT_EQ(service.heard(*peer), expected);
    EXPECT_EQ(events,
              (std::vector<std::string>{"adopted for 7", "at once!", "xxxxxxxx", "xxxxxxxx", "x"}));
    it.shard.finish(*it.shard.at(it.shard.options().max_clients), CloseReason::kPeerClosed);
    EXPECT_TRUE(it.turn_until([&] { return peer->saw_end; }));
    static_cast<void>(service.heard(*peer));
    EXPECT_TRUE(service.was_told_the_end);
    peer->ended = true;
    EXPECT_TRUE(it.turn_until([&] { return it.shard.table().links() == 0; }));
    it.expect_idle();
  });
}

TEST(ShardTlsLink, WhatIsNotSealedEndsIt) {
  FakeShard it(1);
  FakePeer* peer = nullptr;
  it.post(kMailAdopt, bytes_of(sealed_link(it.kernel.connect_fd(peer))));
  it.turn();
  peer->send(as_bytes(tcp_frame(Opcode::kBinary, "plain")));
  EXPECT_TRUE(it.turn_until([&] { return !it.handler.reasons.empty(); }));
  EXPECT_EQ(it.handler.reasons.front(), CloseReason::kTlsBadRecord);
  EXPECT_TRUE(it.turn_until([&] { return peer->saw_end; }));
  peer->ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().links() == 0; }));
  it.expect_idle();
}

// Where there is no room, and where nobody reads the mail any more, the keys go, too: a leak
// checker tells.
TEST(ShardTlsLink, ALinkThatIsNotTakenIsFreed) {
  ShardOptions options = small_shard();
  options.max_links = 1;
  FakeShard it(1, {}, options);
  std::vector<FakePeer*> peers(3);
  for (FakePeer*& peer : peers) {
    it.post(kMailAdopt, bytes_of(sealed_link(it.kernel.connect_fd(peer))));
  }
  it.turn();
  EXPECT_EQ(it.shard.table().links(), 1U);
  EXPECT_EQ(it.shard.counters().get(Counter::kLinksRefused), 2U);
  FakePeer* last = nullptr;
  it.post(kMailAdopt, bytes_of(sealed_link(it.kernel.connect_fd(last))));
  it.post(kMailTlsContexts,
          bytes_of(TlsContextsMail{new std::vector<TlsContext>{test::made_tls_context()}}));
  it.shard.discard_mail();
}

}  // namespace
}  // namespace ringgate
