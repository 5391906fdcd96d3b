// What a peer may send, and what it may not: each rule has its own failure, and its alert.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/codec/tls/record_maker.h"
#include "tests/codec/tls/record_stream.h"

namespace ringgate::tls {
namespace {

using enum OpenStatus;

class TlsOpen : public ::testing::TestWithParam<Suite> {
 protected:
  [[nodiscard]] Records server(std::uint64_t read_sequence = 0) {
    Secrets of_server = secrets_.of_server();
    of_server.read_sequence = read_sequence;
    return Records::create(cipher_.key_schedule(), of_server).value();
  }
  [[nodiscard]] Records client() {
    return Records::create(cipher_.key_schedule(), secrets_.of_client()).value();
  }
  [[nodiscard]] RecordMaker maker(std::uint64_t sequence = 0) const {
    return {GetParam(), secrets_.client, sequence};
  }
  [[nodiscard]] RecordMaker servers_maker() const { return {GetParam(), secrets_.server}; }

  // What one end makes of a stream that comes at once.
  [[nodiscard]] Transcript read(Records records, const Bytes& stream) {
    Transcript read = read_records(records, cipher_, stream);
    EXPECT_EQ(read.broken_rule, "");
    return read;
  }
  void expect_failure(const Bytes& record, OpenStatus status, Alert alert) {
    EXPECT_EQ(name_of(read(server(), record).end()), name_of(status));
    EXPECT_EQ(alert_of(status), alert);
  }

  SomeSecrets secrets_{GetParam()};
  Cipher cipher_ = Cipher::create().value();
};

INSTANTIATE_TEST_SUITE_P(Suites, TlsOpen,
                         ::testing::Values(Suite::kAes128GcmSha256, Suite::kAes256GcmSha384,
                                           Suite::kChaCha20Poly1305Sha256));

TEST_P(TlsOpen, DataOfEveryLengthAndPadding) {
  RecordMaker make = maker();
  Records records = server();
  for (const std::size_t bytes : {1U, 2U, 15U, 16U, 17U, 255U, 4096U, 16'383U, 16'384U}) {
    for (const std::size_t padding : {0U, 1U, 16U, 3000U}) {
      if (bytes + padding > kMaxTextBytes) continue;
      const std::string text(bytes, 'x');
      Bytes record = make.data(text, padding);
      const OpenStep step = records.open(cipher_, record);
      ASSERT_EQ(step.status, kData) << bytes << " " << padding;
      EXPECT_EQ(as_text(step.data), text);
      EXPECT_EQ(step.consumed, record.size());
      EXPECT_EQ(step.data.data(), record.data() + kRecordHeadBytes);  // where it was received
    }
  }
}

TEST_P(TlsOpen, EveryChunkingReadsTheSame) {
  RecordMaker make = maker();
  const Bytes stream =
      joined({make.data("one"), make.data("", 5), make.data(std::string(300, 'y'), 2),
              make.key_update(true), make.data("two"), make.record(kAlertType, {1, 0})});
  const Transcript whole = read(server(), stream);
  EXPECT_EQ(whole.data, "one" + std::string(300, 'y') + "two");
  EXPECT_EQ(whole.statuses, (std::vector{kData, kNothing, kData, kKeyUpdate, kData, kCloseNotify}));
  for (std::size_t chunk = 1; chunk < stream.size(); ++chunk) {
    Records records = server();
    const Transcript chunked = read_records(records, cipher_, stream, [chunk] { return chunk; });
    EXPECT_EQ(chunked, whole) << chunk;
    EXPECT_EQ(chunked.broken_rule, "") << chunk;
  }
}

TEST_P(TlsOpen, HeadsAreJudgedByteByByte) {
  Records records = server();
  const auto judged = [&](Bytes input) { return records.open(cipher_, input); };
  EXPECT_EQ(judged({}).need, kRecordHeadBytes);
  EXPECT_EQ(judged({23, 3, 3, 0x40}).need, kRecordHeadBytes);
  EXPECT_EQ(judged({23, 3, 3, 0, 17}).need, kRecordHeadBytes + 17);
  EXPECT_EQ(judged({23, 3, 3, 0x41, 0}).need, kMaxRecordBytes);
  for (unsigned type = 0; type < 256; ++type) {
    if (type == 23) continue;
    EXPECT_EQ(judged({static_cast<std::uint8_t>(type)}).status, kBadRecordType) << type;
  }
  EXPECT_EQ(judged({23, 2}).status, kBadVersion);
  EXPECT_EQ(judged({23, 3, 1}).status, kBadVersion);
  EXPECT_EQ(judged({23, 3, 3, 0x41, 1}).status, kRecordTooLong);
  EXPECT_EQ(judged({23, 3, 3, 0xff, 0xff}).status, kRecordTooLong);
  EXPECT_EQ(judged({23, 3, 3, 0, 15}).status, kRecordTooShort);
  EXPECT_EQ(judged({20, 3, 3, 0, 1, 1}).status, kBadRecordType);  // ChangeCipherSpec
  EXPECT_EQ(alert_of(kBadRecordType), Alert::kUnexpectedMessage);
  EXPECT_EQ(alert_of(kBadVersion), Alert::kDecodeError);
  EXPECT_EQ(alert_of(kRecordTooLong), Alert::kRecordOverflow);
  EXPECT_EQ(alert_of(kRecordTooShort), Alert::kBadRecordMac);
}

TEST_P(TlsOpen, RefusesEveryAlteredBit) {
  const Bytes good = maker().data("fifty bytes, or nearly so many as that", 3);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes altered = good;
      altered[at] = static_cast<std::uint8_t>(altered[at] ^ (1U << bit));
      Records records = server();
      const OpenStep step = records.open(cipher_, altered);
      // A length that has grown waits for what never comes.
      if (at == 3 || at == 4) {
        EXPECT_NE(step.status, kData) << at << " " << bit;
      } else {
        EXPECT_TRUE(is_failure(step.status)) << at << " " << bit;
      }
      EXPECT_TRUE(step.data.empty());
    }
  }
}

TEST_P(TlsOpen, WaitsForEveryTruncation) {
  const Bytes good = maker().data("cut");
  Records records = server();
  for (std::size_t size = 0; size < good.size(); ++size) {
    Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    const Bytes before = cut;
    const OpenStep step = records.open(cipher_, cut);
    EXPECT_EQ(step.status, kNeedMore) << size;
    EXPECT_EQ(step.need, size < kRecordHeadBytes ? kRecordHeadBytes : good.size()) << size;
    EXPECT_EQ(cut, before);  // untouched, so that the rest can be added to it
  }
  // A head that says so little that the tag is cut off.
  Bytes shorter(good.begin(), good.end() - 1);
  --shorter[4];
  EXPECT_EQ(records.open(cipher_, shorter).status, kNotAuthentic);
}

TEST_P(TlsOpen, RefusesWhatIsRepeatedLeftOutOrOfOtherKeys) {
  RecordMaker make = maker();
  const Bytes first = make.data("first");
  const Bytes second = make.data("second");
  EXPECT_EQ(read(server(), joined({first, first})).statuses, (std::vector{kData, kNotAuthentic}));
  expect_failure(second, kNotAuthentic, Alert::kBadRecordMac);
  expect_failure(servers_maker().data("first"), kNotAuthentic, Alert::kBadRecordMac);
  EXPECT_EQ(read(server(1), second).data, "second");
}

TEST_P(TlsOpen, BoundsTheTextInside) {
  const auto text = [](std::size_t content, std::size_t padding) {
    Bytes made(content, 'x');
    made.push_back(kDataType);
    made.resize(made.size() + padding);
    return made;
  };
  EXPECT_EQ(read(server(), maker().of_text(text(kMaxTextBytes, 0))).end(), kData);
  EXPECT_EQ(read(server(), maker().of_text(text(1, kMaxTextBytes - 1))).end(), kData);
  expect_failure(maker().of_text(text(kMaxTextBytes + 1, 0)), kTextTooLong, Alert::kRecordOverflow);
  expect_failure(maker().of_text(text(1, kMaxTextBytes)), kTextTooLong, Alert::kRecordOverflow);
  expect_failure(maker().of_text(text(kMaxTextBytes + 239, 0)), kTextTooLong,
                 Alert::kRecordOverflow);
}

TEST_P(TlsOpen, TypesInside) {
  expect_failure(maker().of_text({}), kNoType, Alert::kUnexpectedMessage);
  expect_failure(maker().of_text(Bytes(100)), kNoType, Alert::kUnexpectedMessage);
  for (unsigned type = 1; type < 256; ++type) {
    if (type >= 21 && type <= 23) continue;
    expect_failure(maker().record(static_cast<std::uint8_t>(type), {1}), kBadType,
                   Alert::kUnexpectedMessage);
  }
  expect_failure(maker().record(kHandshakeType, {}), kEmptyMessage, Alert::kUnexpectedMessage);
  expect_failure(maker().record(kAlertType, {}, 7), kEmptyMessage, Alert::kUnexpectedMessage);
}

TEST_P(TlsOpen, Alerts) {
  for (unsigned number = 0; number < 256; ++number) {
    for (const unsigned level : {1U, 2U, 77U}) {  // which nobody looks at
      const Transcript got =
          read(server(), maker().record(kAlertType, {static_cast<std::uint8_t>(level),
                                                     static_cast<std::uint8_t>(number)}));
      const auto alert = static_cast<Alert>(number);
      const OpenStatus expected = alert == Alert::kCloseNotify    ? kCloseNotify
                                  : alert == Alert::kUserCanceled ? kNothing
                                                                  : kAlert;
      EXPECT_EQ(got.end(), expected) << number;
      EXPECT_EQ(got.alert, expected == kAlert ? alert : Alert::kCloseNotify) << number;
    }
  }
  for (const Bytes& bad : {Bytes{1}, Bytes{1, 0, 1}, Bytes{1, 0, 1, 0}}) {
    expect_failure(maker().record(kAlertType, bad), kBadAlert, Alert::kDecodeError);
  }
}

TEST_P(TlsOpen, QuietRecordsInARowAreBounded) {
  RecordMaker make = maker();
  Bytes stream;
  for (unsigned i = 0; i < kMaxQuietRecords; ++i) stream = joined({stream, make.data("", i)});
  stream = joined({stream, make.data("x")});
  for (unsigned i = 0; i < kMaxQuietRecords; ++i) stream = joined({stream, make.data("")});
  const Transcript fine = read(server(), stream);
  EXPECT_EQ(fine.end(), kNothing);
  EXPECT_EQ(fine.data, "x");
  EXPECT_EQ(read(server(), joined({stream, make.data("")})).end(), kTooManyQuiet);
  EXPECT_EQ(alert_of(kTooManyQuiet), Alert::kUnexpectedMessage);
}

TEST_P(TlsOpen, KeyUpdatesAreFollowed) {
  RecordMaker make = maker();
  Bytes stream;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    stream = joined({stream, make.data(std::to_string(i)), make.key_update(i % 2 == 0)});
    expected += std::to_string(i);
  }
  const Transcript got = read(server(), joined({stream, make.data("end")}));
  EXPECT_EQ(got.end(), kData);
  EXPECT_EQ(got.data, expected + "end");
}

TEST_P(TlsOpen, AMessageMayBeCutAnywhereButNotInterrupted) {
  const Bytes message = {kKeyUpdateMessage, 0, 0, 1, 0};
  for (std::ptrdiff_t cut = 1; cut < 5; ++cut) {
    const Bytes head(message.begin(), message.begin() + cut);
    const Bytes rest(message.begin() + cut, message.end());
    RecordMaker make = maker();
    Bytes stream = joined({make.record(kHandshakeType, head), make.record(kHandshakeType, rest)});
    make.next_keys();
    stream = joined({stream, make.data("after")});
    EXPECT_EQ(read(server(), stream).statuses, (std::vector{kNothing, kKeyUpdate, kData})) << cut;
    RecordMaker other = maker();
    const Bytes interrupted = joined({other.record(kHandshakeType, head), other.data("x")});
    expect_failure(interrupted, kInterleaved, Alert::kUnexpectedMessage);
    RecordMaker giving_up = maker();
    EXPECT_EQ(read(server(), joined({giving_up.record(kHandshakeType, head),
                                     giving_up.record(kAlertType, {2, 80})}))
                  .end(),
              kAlert);
  }
}

TEST_P(TlsOpen, WrongMessages) {
  const auto fails = [&](const Bytes& content, OpenStatus status, Alert alert) {
    expect_failure(maker().record(kHandshakeType, content), status, alert);
  };
  for (unsigned type = 0; type < 256; ++type) {
    if (type == kKeyUpdateMessage) continue;  // a client's ticket is refused, too
    fails({static_cast<std::uint8_t>(type)}, kUnexpectedMessage, Alert::kUnexpectedMessage);
  }
  fails({24, 0, 0, 0}, kBadMessageLength, Alert::kDecodeError);
  fails({24, 0, 0, 2, 0, 0}, kBadMessageLength, Alert::kDecodeError);
  fails({24, 1, 0, 1, 0}, kBadMessageLength, Alert::kDecodeError);
  fails({24, 0, 0, 1, 2}, kBadKeyUpdate, Alert::kIllegalParameter);
  fails({24, 0, 0, 1, 255}, kBadKeyUpdate, Alert::kIllegalParameter);
  fails({24, 0, 0, 1, 0, 24}, kNotAtBoundary, Alert::kUnexpectedMessage);
  fails({24, 0, 0, 1, 0, 24, 0, 0, 1, 0}, kNotAtBoundary, Alert::kUnexpectedMessage);
}

TEST_P(TlsOpen, AServersTicketsArePassedOver) {
  Bytes ticket(4 + 1000, 7);
  std::ranges::copy(Bytes{kTicketMessage, 0, 0x03, 0xe8}, ticket.begin());
  RecordMaker make = servers_maker();
  const auto part = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    return make.record(kHandshakeType, Bytes(ticket.begin() + from, ticket.begin() + to));
  };
  Bytes stream = joined({make.record(kHandshakeType, joined({ticket, ticket})), part(0, 2),
                         part(2, 500), part(500, 1004), make.data("data")});
  stream = joined(
      {stream, make.record(kHandshakeType, joined({ticket, {kKeyUpdateMessage, 0, 0, 1, 0}}))});
  make.next_keys();
  stream = joined({stream, make.data("more")});
  const Transcript got = read(client(), stream);
  EXPECT_EQ(got.data, "datamore");
  EXPECT_EQ(got.statuses,
            (std::vector{kNothing, kNothing, kNothing, kNothing, kData, kKeyUpdate, kData}));
  for (const Bytes& bad : {Bytes{4, 0, 0, 0}, Bytes{4, 2, 1, 0x0d}, Bytes{4, 0xff, 0xff, 0xff}}) {
    EXPECT_EQ(read(client(), servers_maker().record(kHandshakeType, bad)).end(), kBadMessageLength);
  }
  EXPECT_EQ(read(client(), servers_maker().record(kHandshakeType, {13, 0, 0, 3, 0, 0, 0})).end(),
            kUnexpectedMessage);  // a CertificateRequest: we have not offered that
}

TEST_P(TlsOpen, KeyUpdatesInARowAreBounded) {
  RecordMaker make = maker();
  Bytes stream = make.data("x");
  for (unsigned i = 0; i < kMaxKeyUpdatesInARow; ++i) stream = joined({stream, make.key_update()});
  EXPECT_EQ(read(server(), stream).end(), kKeyUpdate);
  EXPECT_EQ(read(server(), joined({stream, make.data(""), make.key_update()})).end(),
            kTooManyKeyUpdates)
      << "an empty record is no data";
  EXPECT_EQ(alert_of(kTooManyKeyUpdates), Alert::kUnexpectedMessage);
}

TEST_P(TlsOpen, KeyUpdatesWithDataBetweenGoOnForEver) {
  RecordMaker make = maker();
  Records records = server();
  Bytes stream;
  for (unsigned i = 0; i < 4 * kMaxKeyUpdatesInARow; ++i)
    stream = joined({stream, make.data("x"), make.key_update()});
  EXPECT_EQ(read_records(records, cipher_, stream).end(), kKeyUpdate);
}

TEST_P(TlsOpen, TheLastSequenceNumberIsNotUsed) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  RecordMaker make = maker(kLast - 1);
  EXPECT_EQ(read(server(kLast - 1), joined({make.data("x"), make.data("y")})).statuses,
            (std::vector{kData, kSequenceUsedUp}));
}

TEST(TlsRecords, RefuseSecretsOfAnotherLength) {
  auto schedule = KeySchedule::create();
  ASSERT_TRUE(schedule);
  const SomeSecrets secrets(Suite::kAes256GcmSha384);
  Secrets wrong = secrets.of_server();
  wrong.suite = Suite::kAes128GcmSha256;
  EXPECT_FALSE(Records::create(*schedule, wrong).has_value());
}

TEST(TlsRecords, NamesAreTheRfcs) {
  EXPECT_EQ(name_of(Alert::kBadRecordMac), "bad_record_mac");
  EXPECT_EQ(name_of(Alert::kNoApplicationProtocol), "no_application_protocol");
  EXPECT_EQ(name_of(static_cast<Alert>(200)), "unknown");
  EXPECT_EQ(name_of(kNeedMore), "need_more");
  EXPECT_EQ(name_of(kBadRecordType), "bad_record_type");
  EXPECT_EQ(name_of(kInterleaved), "interleaved");
  EXPECT_EQ(name_of(kCipherFailed), "cipher_failed");
}

TEST(TlsRecords, SuitesByTheirNumber) {
  EXPECT_EQ(suite_of(0x1301), Suite::kAes128GcmSha256);
  EXPECT_EQ(suite_of(0x1302), Suite::kAes256GcmSha384);
  EXPECT_EQ(suite_of(0x1303), Suite::kChaCha20Poly1305Sha256);
  for (const std::uint16_t other : std::to_array<std::uint16_t>({0x1300, 0x1304, 0xc02f, 0})) {
    EXPECT_FALSE(suite_of(other));
  }
}

}  // namespace
}  // namespace ringgate::tls
