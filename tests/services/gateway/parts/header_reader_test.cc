#include "services/gateway/parts/header_reader.h"

#include <gtest/gtest.h>

#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kMaxMetas = 2;
constexpr ClientIdentity kIdentity{"g1_alice_1", "kim", "alice", "g1"};

pkt::Header header(int metas, const char* key = "mine") {
  pkt::Header made;
  made.set_command("chat.user.talk");
  made.set_sequence(7);
  for (int i = 0; i < metas; ++i) {
    pkt::Meta& meta = *made.add_meta();
    meta.set_key(key);
    meta.set_value("forged");
    meta.set_type(pkt::MetaType::string);
  }
  return made;
}

// The same header, but with a field twice: no encoder writes that, and protobuf reads the last.
std::string twice(const pkt::Header& header) {
  pkt::Header other;
  other.set_command("login.signin");
  return other.SerializeAsString() + header.SerializeAsString();
}

class HeaderReading : public testing::Test {
 protected:
  HeaderRead read(const std::string& bytes) {
    bytes_ = bytes;
    return reader_.read(as_bytes(bytes_), kMaxMetas, scan_);
  }
  pkt::Header rewritten(HeaderRead how) {
    const ByteView bytes = reader_.rewrite_for_forward(as_bytes(bytes_), how, kIdentity);
    EXPECT_FALSE(bytes.empty());
    pkt::Header parsed;
    EXPECT_TRUE(parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return parsed;
  }

  HeaderReader reader_;
  std::string bytes_;
  HeaderScan scan_;
};

TEST_F(HeaderReading, AsEncodersWriteItIsFast) {
  EXPECT_EQ(read(header(1).SerializeAsString()), HeaderRead::kFast);
  EXPECT_EQ(scan_.command, "chat.user.talk");
  EXPECT_EQ(scan_.sequence, 7u);
  EXPECT_FALSE(HeaderReader::needs_rewrite(HeaderRead::kFast, scan_));
}

TEST_F(HeaderReading, AsOnlyProtobufTakesItIsSlowAndRewritten) {
  EXPECT_EQ(read(twice(header(1))), HeaderRead::kSlow);
  EXPECT_EQ(scan_.command, "chat.user.talk");
  EXPECT_TRUE(HeaderReader::needs_rewrite(HeaderRead::kSlow, scan_));
  const pkt::Header sent = rewritten(HeaderRead::kSlow);
  EXPECT_EQ(sent.channelid(), kIdentity.channel_id);
  EXPECT_EQ(sent.meta_size(), 1 + 3);
  EXPECT_EQ(scan_.command, "chat.user.talk") << "still there";
}

TEST_F(HeaderReading, WithAReservedMetaIsRewrittenWithoutIt) {
  EXPECT_EQ(read(header(1, "account").SerializeAsString()), HeaderRead::kFast);
  EXPECT_TRUE(HeaderReader::needs_rewrite(HeaderRead::kFast, scan_));
  const pkt::Header sent = rewritten(HeaderRead::kFast);
  ASSERT_EQ(sent.meta_size(), 3);
  for (const pkt::Meta& meta : sent.meta()) EXPECT_NE(meta.value(), "forged");
}

TEST_F(HeaderReading, WithTooManyMetasIsSaidHoweverItIsEncoded) {
  EXPECT_EQ(read(header(3).SerializeAsString()), HeaderRead::kTooManyMetas);
  EXPECT_EQ(read(twice(header(3))), HeaderRead::kTooManyMetas);
}

TEST_F(HeaderReading, OfNoProtobufIsBad) {
  EXPECT_EQ(read("\x0a\x7f"), HeaderRead::kBad);
  EXPECT_EQ(read("\xff\xff\xff"), HeaderRead::kBad);
}

}  // namespace
}  // namespace ringgate
