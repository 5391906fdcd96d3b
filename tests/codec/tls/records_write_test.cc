// What is sealed is what was promised, and another end of ours reads it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "tests/codec/tls/record_maker.h"
#include "tests/codec/tls/record_stream.h"

namespace ringgate::tls {
namespace {

using enum OpenStatus;

// A server, and its client.
class TlsWrite : public ::testing::TestWithParam<Suite> {
 protected:
  [[nodiscard]] Bytes data(Records& from, const std::vector<ByteView>& parts) {
    std::size_t payload_bytes = 0;
    for (const ByteView part : parts) payload_bytes += part.size();
    Bytes out(from.data_bytes(payload_bytes) + 1, 0xee);
    std::uint8_t* const end = from.write_data(out.data(), cipher_, parts);
    EXPECT_EQ(end, out.data() + out.size() - 1);
    EXPECT_EQ(out.back(), 0xee);
    out.pop_back();
    return out;
  }
  [[nodiscard]] Bytes data(Records& from, std::string_view text) {
    return data(from, std::vector{as_bytes(text)});
  }
  [[nodiscard]] Transcript read(Records& by, const Bytes& stream) {
    Transcript read = read_records(by, cipher_, stream);
    EXPECT_EQ(read.broken_rule, "");
    return read;
  }
  [[nodiscard]] Records end_with(Secrets secrets, std::uint64_t read_sequence,
                                 std::uint64_t write_sequence) {
    secrets.read_sequence = read_sequence;
    secrets.write_sequence = write_sequence;
    return Records::create(cipher_.key_schedule(), secrets).value();
  }

  SomeSecrets secrets_{GetParam()};
  Cipher cipher_ = Cipher::create().value();
  Records server_ = Records::create(cipher_.key_schedule(), secrets_.of_server()).value();
  Records client_ = Records::create(cipher_.key_schedule(), secrets_.of_client()).value();
};

INSTANTIATE_TEST_SUITE_P(Suites, TlsWrite,
                         ::testing::Values(Suite::kAes128GcmSha256, Suite::kAes256GcmSha384,
                                           Suite::kChaCha20Poly1305Sha256));

TEST_P(TlsWrite, OneRecordForEachSixteenKilobytes) {
  EXPECT_EQ(server_.data_bytes(0), 0U);
  EXPECT_EQ(data(server_, ""), Bytes());
  const std::string text(50'000, 'z');
  std::size_t written = 0;
  for (const std::size_t bytes : {1U, 100U, 16'383U, 16'384U, 16'385U, 32'768U, 50'000U}) {
    const std::string_view payload = std::string_view(text).substr(0, bytes);
    const std::size_t records = (bytes + 16'383) / 16'384;
    const Bytes out = data(server_, payload);
    EXPECT_EQ(out.size(), bytes + records * kOverheadBytes);
    const Transcript got = read(client_, out);
    EXPECT_EQ(got.data, payload);
    EXPECT_EQ(got.statuses, std::vector(records, kData));
    written += records;
  }
  EXPECT_EQ(server_.write_sequence(), written);
  EXPECT_EQ(client_.read_sequence(), written);
}

// As a client may ask for: 512 bytes, and its powers of two up to 4096.
TEST_P(TlsWrite, RecordsAreNoLongerThanAgreed) {
  const std::string text(50'000, 'z');
  for (const std::size_t most : {512U, 1024U, 2048U, 4096U}) {
    Secrets secrets = secrets_.of_server();
    secrets.max_text_bytes = static_cast<std::uint16_t>(most);
    Records server = Records::create(cipher_.key_schedule(), secrets).value();
    Records client = end_with(secrets_.of_client(), 0, 0);
    for (const std::size_t bytes : {std::size_t{1}, most - 1, most, most + 1, text.size()}) {
      const std::string_view payload = std::string_view(text).substr(0, bytes);
      const Bytes out = data(server, payload);
      EXPECT_LE(record_bytes(out), most + kOverheadBytes);
      const Transcript got = read(client, out);
      EXPECT_EQ(got.data, payload);
      EXPECT_EQ(got.statuses, std::vector((bytes + most - 1) / most, kData));
    }
    for (std::size_t room = 0; room < 3 * most; ++room) {
      EXPECT_LE(server.data_bytes(server.data_fitting(room)), room);
      EXPECT_GT(server.data_bytes(server.data_fitting(room) + 1), room);
    }
    const Records moved = std::move(server);
    EXPECT_EQ(moved.data_bytes(most + 1), most + 1 + 2 * kOverheadBytes);
  }
}

TEST_P(TlsWrite, PartsAreGatheredAcrossRecords) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text.push_back(static_cast<char>('a' + i % 23));
  std::vector<ByteView> parts = {ByteView()};
  ByteView rest = as_bytes(text);
  for (std::size_t bytes = 1; !rest.empty(); bytes = bytes * 3 % 20'011) {
    parts.push_back(rest.first(std::min(bytes, rest.size())));
    rest = rest.subspan(parts.back().size());
    parts.emplace_back();  // an empty part is none
  }
  EXPECT_EQ(read(client_, data(server_, parts)).data, text);
}

TEST_P(TlsWrite, WhatFitsIsTheMostThatFits) {
  for (const bool due : {false, true}) {
    if (due) {
      RecordMaker client(GetParam(), secrets_.client);
      Bytes asked = client.key_update(true);
      ASSERT_EQ(server_.open(cipher_, asked).status, kKeyUpdate);
    }
    for (std::size_t room = 0; room < 50'000; room += room < 100 || room % 16'406 < 60 ? 1U : 37U) {
      const std::size_t fits = server_.data_fitting(room);
      EXPECT_LE(server_.data_bytes(fits), room);
      EXPECT_GT(server_.data_bytes(fits + 1), room);
    }
  }
}

TEST_P(TlsWrite, Alerts) {
  for (const Alert alert : {Alert::kCloseNotify, Alert::kBadRecordMac, Alert::kInternalError}) {
    Records server = end_with(secrets_.of_server(), 0, 0);
    Records client = end_with(secrets_.of_client(), 0, 0);
    Bytes out(kAlertBytes);
    EXPECT_EQ(server.write_alert(out.data(), cipher_, alert), out.data() + kAlertBytes);
    const Transcript got = read(client, out);
    EXPECT_EQ(got.end(), alert == Alert::kCloseNotify ? kCloseNotify : kAlert);
    EXPECT_EQ(got.alert, alert);
  }
}

TEST_P(TlsWrite, AnUpdateThatWasAskedForComesBeforeTheNextData) {
  Bytes asking(kKeyUpdateBytes);
  for (int times = 0; times < 3; ++times) {  // one answer for all of them
    ASSERT_NE(client_.write_key_update(asking.data(), cipher_, true), nullptr);
    ASSERT_EQ(read(server_, asking).end(), kKeyUpdate);
  }
  EXPECT_EQ(server_.data_bytes(5), 5 + kOverheadBytes + kKeyUpdateBytes);
  EXPECT_EQ(data(server_, ""), Bytes());  // which is still due
  EXPECT_EQ(read(client_, data(server_, "hello")).statuses, (std::vector{kKeyUpdate, kData}));
  EXPECT_EQ(server_.data_bytes(5), 5 + kOverheadBytes);
  EXPECT_EQ(client_.data_bytes(5), 5 + kOverheadBytes);  // the answer asked for nothing
  EXPECT_EQ(read(client_, data(server_, "again")).data, "again");
  EXPECT_EQ(read(server_, data(client_, "and back")).data, "and back");
}

TEST_P(TlsWrite, AKeyIsChangedWhenItHasSealedEnough) {
  Records server = end_with(secrets_.of_server(), 0, kRecordsPerKey - 1);
  Records client = end_with(secrets_.of_client(), kRecordsPerKey - 1, 0);
  EXPECT_EQ(server.data_bytes(1), 1 + kOverheadBytes);
  const Bytes last = data(server, "1");
  EXPECT_EQ(server.data_bytes(1), 1 + kOverheadBytes + kKeyUpdateBytes);
  const Bytes first = data(server, "2");
  EXPECT_EQ(server.write_sequence(), 1U);
  EXPECT_EQ(read(client, last).data, "1");
  EXPECT_EQ(read(client, first).statuses, (std::vector{kKeyUpdate, kData}));
}

TEST_P(TlsWrite, APeerThatDoesNotChangeItsKeyIsAskedToOnce) {
  Records server = end_with(secrets_.of_server(), kRecordsPerKey - 1, 0);
  RecordMaker lazy(GetParam(), secrets_.client, kRecordsPerKey - 1);
  ASSERT_EQ(read(server, lazy.data("one too many")).end(), kData);
  const Bytes asking = data(server, "do");
  EXPECT_EQ(read(client_, asking).statuses, (std::vector{kKeyUpdate, kData}));
  EXPECT_EQ(client_.data_bytes(1), 1 + kOverheadBytes + kKeyUpdateBytes);  // so it was asked
  ASSERT_EQ(read(server, lazy.data("and more")).end(), kData);
  EXPECT_EQ(server.data_bytes(1), 1 + kOverheadBytes);
  ASSERT_EQ(read(server, lazy.key_update()).end(), kKeyUpdate);
  EXPECT_EQ(server.data_bytes(1), 1 + kOverheadBytes);
}

TEST_P(TlsWrite, AnAnswerStaysDueOverUpdatesThatAskForNone) {
  Records server = end_with(secrets_.of_server(), 0, 0);
  RecordMaker client(GetParam(), secrets_.client);
  ASSERT_EQ(read(server, client.key_update(true)).end(), kKeyUpdate);
  ASSERT_EQ(read(server, client.key_update()).end(), kKeyUpdate);
  EXPECT_EQ(server.data_bytes(1), 1 + kOverheadBytes + kKeyUpdateBytes);
}

TEST_P(TlsWrite, MovingWipesWhereItWas) {
  const Bytes before = data(server_, "0");
  Records moved = std::move(server_);
  const Bytes secret(secrets_.server);
  const auto holds = [&secret](const Records& records) {
    Bytes raw(sizeof records);
    std::memcpy(raw.data(), static_cast<const void*>(&records), raw.size());
    return !std::ranges::search(raw, secret).empty();
  };
  EXPECT_TRUE(holds(moved));
  EXPECT_FALSE(holds(server_));  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(read(client_, before).data, "0");
  EXPECT_EQ(read(client_, data(moved, "1")).data, "1");
  server_ = std::move(moved);
  EXPECT_FALSE(holds(moved));  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(read(client_, data(server_, "2")).data, "2");
}

TEST_P(TlsWrite, DestructionWipes) {
  alignas(Records) std::array<std::uint8_t, sizeof(Records)> place{};
  auto* const records = new (place.data())
      Records(Records::create(cipher_.key_schedule(), secrets_.of_server()).value());
  const auto holds = [&place](const Bytes& secret) {
    return !std::ranges::search(place, secret).empty();
  };
  EXPECT_TRUE(holds(secrets_.client) && holds(secrets_.server));
  records->~Records();
  EXPECT_FALSE(holds(secrets_.client) || holds(secrets_.server));
}

TEST_P(TlsWrite, AContextThatForgotIsKeyedAgain) {
  cipher_.forget();
  EXPECT_EQ(read(client_, data(server_, "still")).data, "still");
}

}  // namespace
}  // namespace ringgate::tls
