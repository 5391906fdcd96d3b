// Records beside OpenSSL's: each reads what the other writes.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "tests/codec/tls/openssl_peer.h"
#include "tests/codec/tls/record_maker.h"
#include "tests/codec/tls/record_stream.h"

namespace ringgate::tls {
namespace {

using enum OpenStatus;

std::string text_of(std::size_t bytes) {
  std::string text(bytes, ' ');
  for (std::size_t at = 0; at < bytes; ++at) text[at] = static_cast<char>('!' + at * 7 % 90);
  return text;
}

// The suite, what OpenSSL is, and how many tickets its server, or ours, has sent.
using Connection = std::tuple<Suite, Peer, int>;

class TlsBesideOpenssl : public ::testing::TestWithParam<Connection> {
 protected:
  [[nodiscard]] Bytes data(std::string_view text) {
    Bytes out(records_.data_bytes(text.size()));
    const ByteView payload = as_bytes(text);
    EXPECT_EQ(records_.write_data(out.data(), cipher_, {&payload, 1}), out.data() + out.size());
    return out;
  }
  [[nodiscard]] Bytes alert(Alert alert) {
    Bytes out(kAlertBytes);
    EXPECT_EQ(records_.write_alert(out.data(), cipher_, alert), out.data() + out.size());
    return out;
  }
  [[nodiscard]] Bytes key_update(bool ask) {
    Bytes out(kKeyUpdateBytes);
    EXPECT_EQ(records_.write_key_update(out.data(), cipher_, ask), out.data() + out.size());
    return out;
  }
  [[nodiscard]] Transcript read(const Bytes& stream) {
    Transcript read = read_records(records_, cipher_, stream);
    EXPECT_EQ(read.broken_rule, "");
    return read;
  }
  void expect_both_ways(std::string_view text) {
    peer_.write(text);
    EXPECT_EQ(read(peer_.sent()).data, text);
    EXPECT_EQ(peer_.received(data(text)), text);
    EXPECT_EQ(peer_.end(), SslEnd::kWaits);
  }

  Cipher cipher_ = Cipher::create().value();
  OpensslPeer peer_{std::get<Suite>(GetParam()), std::get<Peer>(GetParam()),
                    std::get<int>(GetParam())};
  Records records_ = peer_.take_over(cipher_.key_schedule());
};

INSTANTIATE_TEST_SUITE_P(Connections, TlsBesideOpenssl,
                         ::testing::Combine(::testing::Values(Suite::kAes128GcmSha256,
                                                              Suite::kAes256GcmSha384,
                                                              Suite::kChaCha20Poly1305Sha256),
                                            ::testing::Values(Peer::kClient, Peer::kServer),
                                            ::testing::Values(0, 2)));

TEST_P(TlsBesideOpenssl, DataOfEveryLength) {
  for (std::size_t bytes = 1; bytes <= 600; ++bytes) expect_both_ways(text_of(bytes));
  for (std::size_t bytes = 601; bytes < kMaxTextBytes; bytes += 127) {
    expect_both_ways(text_of(bytes));
  }
  for (const std::size_t bytes : {4'096U, 16'382U, 16'383U, 16'384U, 16'385U, 100'000U}) {
    expect_both_ways(text_of(bytes));
  }
}

// OpenSSL sends no empty record, but takes them; so they are made, and both read the same ones:
// with nothing inside, and with nothing but padding up to what a record holds.
TEST_P(TlsBesideOpenssl, EmptyRecordsAmongOthers) {
  RecordMaker maker(std::get<Suite>(GetParam()), peer_.read_secret(), peer_.read_sequence());
  Records twin = peer_.twin(cipher_.key_schedule());
  for (const std::size_t padding : {0U, 1U, 255U, 4'096U, 16'383U, 16'384U}) {
    const std::string text = "after " + std::to_string(padding);
    const Bytes stream = joined({maker.data("", padding), maker.data(text), maker.data("")});
    EXPECT_EQ(peer_.received(stream), text) << padding;
    EXPECT_EQ(peer_.end(), SslEnd::kWaits) << padding;
    const Transcript got = read_records(twin, cipher_, stream);
    EXPECT_EQ(got.data, text) << padding;
    EXPECT_EQ(std::ranges::count(got.statuses, kNothing), 2) << padding;
    EXPECT_EQ(got.broken_rule, "") << padding;
  }
}

TEST_P(TlsBesideOpenssl, OneByteMoreThanARecordHoldsIsRefusedByBoth) {
  RecordMaker maker(std::get<Suite>(GetParam()), peer_.read_secret(), peer_.read_sequence());
  const Bytes record = maker.data(text_of(kMaxTextBytes + 1));
  Records twin = peer_.twin(cipher_.key_schedule());
  EXPECT_EQ(read_records(twin, cipher_, record).end(), kTextTooLong);
  EXPECT_EQ(peer_.received(record), "");
  EXPECT_EQ(peer_.end(), SslEnd::kFailed);
  const Transcript told = read(peer_.sent());
  EXPECT_EQ(told.end(), kAlert);
  EXPECT_EQ(told.alert, Alert::kRecordOverflow);
}

TEST_P(TlsBesideOpenssl, Padding) {
  for (const std::size_t block : {16U, 512U, 4'096U, 16'384U}) {
    SSL_set_block_padding(peer_.ssl(), block);
    for (const std::size_t bytes : {1U, 15U, 16U, 17U, 4'000U, 16'384U, 40'000U}) {
      expect_both_ways(text_of(bytes));
    }
  }
}

// A stream with all that there is in it, the server's tickets too.
TEST_P(TlsBesideOpenssl, EveryChunking) {
  peer_.write("one");
  peer_.update_key(true);
  peer_.write(text_of(300));
  SSL_set_block_padding(peer_.ssl(), 128);
  peer_.write("three");
  SSL_shutdown(peer_.ssl());
  const Bytes stream = peer_.sent();
  for (std::size_t chunk = 1; chunk < stream.size(); ++chunk) {
    Records records = peer_.take_over(cipher_.key_schedule());
    const Transcript got = read_records(records, cipher_, stream, [chunk] { return chunk; });
    ASSERT_EQ(got.data, "one" + text_of(300) + "three") << chunk;
    ASSERT_EQ(got.end(), kCloseNotify) << chunk;
    ASSERT_EQ(got.broken_rule, "") << chunk;
    ASSERT_EQ(std::ranges::count(got.statuses, kKeyUpdate), 1) << chunk;
  }
}

TEST_P(TlsBesideOpenssl, KeyUpdatesOfTheirs) {
  for (int times = 0; times < 10; ++times) {
    peer_.update_key(times % 2 == 1);
    expect_both_ways("updated " + std::to_string(times));  // with our own where they asked
  }
  peer_.update_key(true);
  peer_.update_key(true);
  expect_both_ways("one answer for two");
}

TEST_P(TlsBesideOpenssl, KeyUpdatesOfOurs) {
  for (int times = 0; times < 10; ++times) {
    const bool ask = times % 2 == 1;
    EXPECT_EQ(peer_.received(key_update(ask)), "");
    peer_.write("after");
    const Transcript got = read(peer_.sent());
    EXPECT_EQ(got.data, "after");
    EXPECT_EQ(std::ranges::count(got.statuses, kKeyUpdate), ask ? 1 : 0);
    expect_both_ways("updated " + std::to_string(times));
  }
}

TEST_P(TlsBesideOpenssl, CloseOfBothEnds) {
  EXPECT_EQ(peer_.received(joined({data("bye"), alert(Alert::kCloseNotify)})), "bye");
  EXPECT_EQ(peer_.end(), SslEnd::kCloseNotify);
  peer_.write("bye bye");
  SSL_shutdown(peer_.ssl());
  const Transcript got = read(peer_.sent());
  EXPECT_EQ(got.data, "bye bye");
  EXPECT_EQ(got.end(), kCloseNotify);
}

TEST_P(TlsBesideOpenssl, OurAlertsAreUnderstood) {
  EXPECT_EQ(peer_.received(alert(Alert::kRecordOverflow)), "");
  EXPECT_EQ(peer_.end(), SslEnd::kFailed);
  EXPECT_EQ(peer_.fatal_alert(), static_cast<int>(Alert::kRecordOverflow));
}

// It tells us why it gives up, in a record of its own.
TEST_P(TlsBesideOpenssl, TheirAlertsAreUnderstood) {
  Bytes altered = data("altered");
  altered.back() ^= 1U;
  EXPECT_EQ(peer_.received(altered), "");
  EXPECT_EQ(peer_.end(), SslEnd::kFailed);
  const Transcript got = read(peer_.sent());
  EXPECT_EQ(got.end(), kAlert);
  EXPECT_EQ(got.alert, Alert::kBadRecordMac);
}

TEST_P(TlsBesideOpenssl, EveryAlteredByteOfTheirsIsRefused) {
  const Bytes tickets = peer_.sent();
  peer_.write("to be altered");
  const Bytes good = peer_.sent();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned change : {0x01U, 0x80U, 0xffU}) {
      Records records = peer_.take_over(cipher_.key_schedule());
      Bytes altered = joined({tickets, good});
      std::uint8_t& byte = altered[tickets.size() + at];
      byte = static_cast<std::uint8_t>(byte ^ change);
      const Transcript got = read_records(records, cipher_, altered);
      EXPECT_EQ(got.data, "") << at;
      // A length that has grown waits for what never comes.
      EXPECT_TRUE(is_failure(got.end()) || at == 3 || at == 4) << at;
    }
  }
  EXPECT_EQ(read(joined({tickets, good})).data, "to be altered");
}

}  // namespace
}  // namespace ringgate::tls
