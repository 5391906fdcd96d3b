#include "codec/message_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "codec/bytes.h"
#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

TEST(MessageBody, IsWhatProtobufWrites) {
  for (const std::size_t bytes : {1U, 32U, 127U, 128U, 16'383U, 16'384U}) {
    const std::string text(bytes, 'x');
    std::vector<std::uint8_t> body(text_message_bytes(bytes));
    std::uint8_t* const at = write_text_message_head(body.data(), bytes);
    ASSERT_EQ(at + bytes, body.data() + body.size());
    std::ranges::copy(text, at);
    pkt::MessageReq message;
    message.set_type(kTextMessage);
    message.set_body(text);
    EXPECT_EQ(as_text(body), message.SerializeAsString());
  }
}

}  // namespace
}  // namespace ringgate
