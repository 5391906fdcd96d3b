// Records of TLS on a shard: how many of them, for whom each is sealed, and which alert a client
// gets for one that is not as it should be.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/tls/alert.h"
#include "tests/dataplane/tls_fixture.h"

namespace ringgate {
namespace {

using test::kPing;
using test::kPong;
using test::kTlsListener;
using test::small_shard;
using test::tcp_frame;
using test::TlsPeer;
using test::TlsShard;

// Of what a client has received from `mark` on.
std::size_t records_since(TlsPeer& peer, std::size_t mark) {
  std::size_t count = 0;
  ByteView rest = ByteView(peer.peer().received).subspan(mark);
  for (; rest.size() >= tls::kRecordHeadBytes; ++count) {
    rest = rest.subspan(std::min(rest.size(), tls::record_bytes(rest)));
  }
  EXPECT_TRUE(rest.empty()) << "a record in parts";
  return count;
}

// A client that has come in, and the connection that the shard has of it.
struct Client {
  Client(TlsShard& it, const test::TlsClient::Wish& wish) {
    it.handler.accepted = [this](Connection& one) { connection = &one; };
    peer = std::make_unique<TlsPeer>(it, kTlsListener, wish);
    EXPECT_TRUE(peer->shake_hands());
    for (int i = 0; i < 5; ++i) it.turn();  // its tickets
    peer->pump();
    mark = peer->peer().received.size();
  }
  std::unique_ptr<TlsPeer> peer;
  Connection* connection = nullptr;
  std::size_t mark = 0;
};

// --- How many -----------------------------------------------------------------------------------

TEST(ShardTlsRecords, WhatATurnSaysIsOneRecordInOneSend) {
  TlsShard it(1);
  it.kernel.receive_whole();
  const Client client(it, {});
  const std::size_t sends = it.kernel.added(OpKind::kSend);
  client.peer->send(kPing + kPing + kPing + kPing);
  ASSERT_TRUE(client.peer->got(4 * kPong.size()));
  EXPECT_EQ(client.peer->plain, kPong + kPong + kPong + kPong);
  EXPECT_EQ(records_since(*client.peer, client.mark), 1U);
  EXPECT_EQ(it.kernel.added(OpKind::kSend) - sends, 1U);
}

// What comes while a send is under way waits for its end, and is one record then.
TEST(ShardTlsRecords, OneSendIsInFlightAndTheNextCarriesAllThatHasCome) {
  TlsShard it(1);
  it.kernel.receive_whole();
  const Client client(it, {});
  const std::size_t sends = it.kernel.added(OpKind::kSend);
  client.peer->peer().window = 0;  // it takes nothing more
  for (int i = 0; i < 10; ++i) {
    client.peer->send(kPing);
    for (int turn = 0; turn < 5; ++turn) it.turn();
    EXPECT_EQ(it.kernel.armed(OpKind::kSend), 1U);
  }
  EXPECT_EQ(it.kernel.added(OpKind::kSend) - sends, 1U);
  client.peer->peer().window = SIZE_MAX;
  ASSERT_TRUE(client.peer->got(10 * kPong.size()));
  EXPECT_EQ(it.kernel.added(OpKind::kSend) - sends, 2U);
  EXPECT_EQ(records_since(*client.peer, client.mark), 2U) << "one pong, then nine";
}

// --- For whom -----------------------------------------------------------------------------------

// One block for all: each suite seals it into memory of its own.
TEST(ShardTlsRecords, APushToManyIsOneBlockAndEachGetsItUnderItsOwnSuite) {
  ShardOptions options = small_shard();
  options.limits[0].max_queued_bytes = 1'000'000;
  TlsShard it(1, {.stall = 2, .short_send = 2}, options);
  std::vector<std::unique_ptr<Client>> clients;
  for (const char* const suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"}) {
    clients.push_back(std::make_unique<Client>(it, test::TlsClient::Wish{.suites = suite}));
    EXPECT_STREQ(SSL_get_cipher_name(clients.back()->peer->client().ssl()), suite);
  }
  SharedBlock* const block = SharedBlock::create(it.shard.pool(), 40'000);
  for (std::uint32_t i = 0; i < block->bytes; ++i) {
    block->data()[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  }
  const std::string text(as_text(ByteView(block->data(), block->bytes)));
  const std::string packet = tcp_frame(Opcode::kBinary, text);
  const std::string head = packet.substr(0, packet.size() - text.size());
  for (const auto& one : clients) {
    ASSERT_TRUE(it.shard.append_shared(*one->connection, as_bytes(head), block));
  }
  EXPECT_EQ(block->references, 1 + clients.size());
  for (const auto& one : clients) {
    ASSERT_TRUE(one->peer->got(packet.size()));
    EXPECT_EQ(one->peer->plain, packet);
  }
  EXPECT_EQ(as_text(ByteView(block->data(), block->bytes)), text) << "nothing is sealed in place";
  EXPECT_TRUE(it.turn_until([&] { return block->references == 1; }));
  SharedBlock::release(it.shard.pool(), block);
}

// --- Which alert --------------------------------------------------------------------------------

// The last fatal alert that a client of this thread has read; -1: none.
thread_local int alert_read = -1;

void note_alert(const SSL*, int where, int result) {
  if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (result >> 8) == SSL3_AL_FATAL) {
    alert_read = result & 0xff;
  }
}

struct Wrong {
  const char* what;
  tls::Alert alert;  // of TLS 1.3 (RFC 8446, sections 5 and 6.2)
  std::string (*spoil)(std::string record);
};

std::string with_length(std::string record, std::size_t bytes) {
  record[3] = static_cast<char>(bytes >> 8U);
  record[4] = static_cast<char>(bytes & 0xffU);
  return record;
}

const Wrong kWrong[] = {
    {"altered", tls::Alert::kBadRecordMac,
     [](std::string record) {
       record.back() = static_cast<char>(record.back() ^ 1);
       return record;
     }},
    {"truncated", tls::Alert::kBadRecordMac,
     [](std::string record) {
       record.pop_back();
       return with_length(record, record.size() - tls::kRecordHeadBytes);
     }},
    {"shorter than a tag", tls::Alert::kBadRecordMac,
     [](std::string record) { return with_length(record.substr(0, 5 + 8), 8); }},
    {"too long", tls::Alert::kRecordOverflow,
     [](std::string record) { return with_length(record, tls::kMaxSealedBytes + 1); }},
    {"of an unexpected type", tls::Alert::kUnexpectedMessage,
     [](std::string record) {
       record[0] = 22;
       return record;
     }},
    {"plain text", tls::Alert::kUnexpectedMessage,
     [](std::string) { return std::string("GET / HTTP/1.1\r\n\r\n"); }},
    {"of another version", tls::Alert::kDecodeError,
     [](std::string record) {
       record[1] = 4;
       return record;
     }},
};

TEST(ShardTlsRecords, EachFaultIsToldByItsAlert) {
  for (const Wrong& wrong : kWrong) {
    SCOPED_TRACE(wrong.what);
    TlsShard it(1);
    const Client client(it, {});
    SSL_set_info_callback(client.peer->client().ssl(), note_alert);
    alert_read = -1;
    client.peer->send_raw(wrong.spoil(client.peer->client().seal(kPing)));
    EXPECT_TRUE(client.peer->end());
    client.peer->pump();
    EXPECT_EQ(alert_read, static_cast<int>(wrong.alert));
    EXPECT_EQ(client.peer->plain, "");
    EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kTlsBadRecord});
    it.expect_idle();
  }
}

}  // namespace
}  // namespace ringgate
