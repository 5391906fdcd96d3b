// The example values of RFC 8448, section 3 ("Simple 1-RTT Handshake").
#include <gtest/gtest.h>

#include <numeric>

#include "codec/tls/records.h"
#include "tests/codec/hex.h"
#include "tests/codec/tls/record_maker.h"
#include "tests/codec/tls/record_stream.h"

namespace ringgate::tls {
namespace {

constexpr Suite kSuite = Suite::kAes128GcmSha256;

const Bytes kClientSecret =
    hex("9e40646ce79a7f9dc05af8889bce6552 875afa0b06df0087f792ebb7c17504a5");
const Bytes kServerSecret =
    hex("a11af9f05531f856ad47116b45a95032 8204b4f44bfb6b3a4b4f1f3fcb631643");

const Bytes kTicketRecord = hex(
    "17030300de 3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758"
    "db289a015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0"
    "d4a3d03f75e09c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77c"
    "a475840025db2f0a77f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d02"
    "3e70e952ca49fe5137121c74bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985"
    "684f");
const Bytes kClientDataRecord = hex(
    "1703030043 a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20"
    "441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
const Bytes kServerDataRecord = hex(
    "1703030043 2e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb50"
    "1a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d");
const Bytes kClientAlertRecord = hex("1703030013 c9872760655666b74d7ff1153efd6db6d0b0e3");
const Bytes kServerAlertRecord = hex("1703030013 b58fd67166ebf599d24720cfbe7efa7a8864a9");

// 00 01 02 ... 31, in both directions.
Bytes example_data() {
  Bytes data(50);
  std::iota(data.begin(), data.end(), std::uint8_t{0});
  return data;
}

void expect_keys(const Bytes& secret, std::string_view key, std::string_view iv) {
  TrafficKeys keys{};
  std::ranges::copy(secret, keys.secret.begin());
  auto schedule = KeySchedule::create();
  ASSERT_TRUE(schedule);
  ASSERT_TRUE(schedule->derive(kSuite, keys));
  EXPECT_EQ(Bytes(keys.key.begin(), keys.key.begin() + 16), hex(key));
  EXPECT_EQ(Bytes(keys.iv.begin(), keys.iv.end()), hex(iv));
}

TEST(TlsRfc8448, KeysOfApplicationTraffic) {
  expect_keys(kServerSecret, "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984");
  expect_keys(kClientSecret, "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9");
}

class TlsRfc8448Records : public ::testing::Test {
 protected:
  [[nodiscard]] Records end(Peer peer, std::uint64_t write_sequence) {
    const bool server = peer == Peer::kClient;
    return Records::create(cipher_.key_schedule(), {.suite = kSuite,
                                                    .peer = peer,
                                                    .read = server ? kClientSecret : kServerSecret,
                                                    .write = server ? kServerSecret : kClientSecret,
                                                    .write_sequence = write_sequence})
        .value();
  }
  [[nodiscard]] Bytes written(Records& records) {
    const Bytes data = example_data();
    const ByteView payload(data);
    Bytes out(records.data_bytes(data.size()) + kAlertBytes);
    std::uint8_t* end = records.write_data(out.data(), cipher_, {&payload, 1});
    end = records.write_alert(end, cipher_, Alert::kCloseNotify);
    EXPECT_EQ(end, out.data() + out.size());
    return out;
  }

  Cipher cipher_ = Cipher::create().value();
};

TEST_F(TlsRfc8448Records, AreOpened) {
  Records server = end(Peer::kClient, 1);
  const Transcript client =
      read_records(server, cipher_, joined({kClientDataRecord, kClientAlertRecord}));
  EXPECT_EQ(client.data, as_text(example_data()));
  EXPECT_EQ(client.statuses, (std::vector{OpenStatus::kData, OpenStatus::kCloseNotify}));
  Records of_client = end(Peer::kServer, 0);
  const Transcript read = read_records(
      of_client, cipher_, joined({kTicketRecord, kServerDataRecord, kServerAlertRecord}));
  EXPECT_EQ(read.data, as_text(example_data()));
  EXPECT_EQ(read.statuses,
            (std::vector{OpenStatus::kNothing, OpenStatus::kData, OpenStatus::kCloseNotify}));
}

// The server's ticket was record number 0.
TEST_F(TlsRfc8448Records, AreSealed) {
  Records server = end(Peer::kClient, 1);
  EXPECT_EQ(written(server), joined({kServerDataRecord, kServerAlertRecord}));
  Records client = end(Peer::kServer, 0);
  EXPECT_EQ(written(client), joined({kClientDataRecord, kClientAlertRecord}));
}

}  // namespace
}  // namespace ringgate::tls
