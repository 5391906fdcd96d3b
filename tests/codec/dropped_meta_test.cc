#include "codec/dropped_meta.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

TEST(DroppedMeta, IsAMetaOfTypeIntAsProtobufReadsIt) {
  for (const std::uint32_t dropped :
       {1U, 9U, 10U, 4'711U, std::numeric_limits<std::uint32_t>::max()}) {
    pkt::Header before;
    before.set_command("presence.push");
    before.set_sequence(7);
    before.add_meta()->set_key("kept");
    const DroppedMeta meta(dropped);
    pkt::Header header;
    ASSERT_TRUE(
        header.ParseFromString(before.SerializeAsString() + std::string(as_text(meta.field()))));
    ASSERT_EQ(header.meta_size(), 2);
    EXPECT_EQ(header.command(), "presence.push");
    EXPECT_EQ(header.sequence(), 7U);
    EXPECT_EQ(header.meta(0).key(), "kept");
    EXPECT_EQ(header.meta(1).key(), "dropped");
    EXPECT_EQ(header.meta(1).value(), std::to_string(dropped));
    EXPECT_EQ(header.meta(1).type(), pkt::MetaType::int_);
  }
}

TEST(DroppedMeta, HasTheseBytes) {
  const DroppedMeta meta(12);
  EXPECT_EQ(as_text(meta.field()), std::string_view("\x3a\x0d\x0a\x07"
                                                    "dropped\x12\x02"
                                                    "12"));
}

}  // namespace
}  // namespace ringgate
