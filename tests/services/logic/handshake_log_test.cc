// What a service's shard tells of TLS that failed: how much of it, and what is left out.
#include "services/logic/handshake_log.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakeShard;

struct Telling {
  Telling() {
    it.handler.accepted = [this](Connection& one) { connection = &one; };
    it.connect();
  }
  // Since the last call.
  std::vector<TlsFailedMail> told() {
    it.turn();
    std::vector<TlsFailedMail> all;
    it.board->drain(it.shard.control(), [&all](std::uint32_t, MailKind kind, ByteView message) {
      if (kind == kMailTlsFailed) all.push_back(kMailTlsFailed.read(message));
    });
    return all;
  }
  void pass(std::uint32_t ms) {
    it.kernel.advance(ms);
    it.turn();
  }

  FakeShard it{1};
  Connection* connection = nullptr;
  HandshakeTeller teller{it.shard};
};

TEST(HandshakeTeller, TellsWhatIsOfTlsAndNothingElse) {
  Telling telling;
  telling.teller.closed(*telling.connection, CloseReason::kPeerClosed);
  telling.teller.closed(*telling.connection, CloseReason::kBadFrame);
  EXPECT_TRUE(telling.told().empty());
  telling.teller.closed(*telling.connection, CloseReason::kTlsClientCertificateExpired);
  const std::vector<TlsFailedMail> told = telling.told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].reason, CloseReason(CloseReason::kTlsClientCertificateExpired));
  EXPECT_EQ(told[0].slot, telling.connection->slot);
  EXPECT_EQ(told[0].generation, telling.connection->generation);
  EXPECT_EQ(told[0].empty, 0);
}

TEST(HandshakeTeller, SoManyASecondAndTheRestIsCounted) {
  Telling telling;
  telling.pass(5000);
  constexpr std::uint32_t kMore = 15;
  for (std::uint32_t i = 0; i < HandshakeTeller::kMostASecond + kMore; ++i) {
    telling.teller.closed(*telling.connection, CloseReason::kTlsPlainText);
  }
  EXPECT_EQ(telling.told().size(), HandshakeTeller::kMostASecond);
  telling.teller.on_tick();
  EXPECT_TRUE(telling.told().empty()) << "its second is not over";
  telling.pass(1001);
  telling.teller.on_tick();
  const std::vector<TlsFailedMail> rest = telling.told();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].left_out, kMore);
  EXPECT_NE(rest[0].empty, 0);
  telling.teller.closed(*telling.connection, CloseReason::kTlsPlainText);
  ASSERT_EQ(telling.told().size(), 1U);
}

}  // namespace
}  // namespace ringgate
