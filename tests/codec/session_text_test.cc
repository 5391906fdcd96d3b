#include "codec/session_text.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/pkt.pb.h"

namespace ringgate {
namespace {

TEST(SessionText, IsWhatProtobufWrites) {
  for (const std::size_t bytes : {0U, 1U, 127U, 128U, 16'384U}) {
    const std::string account(bytes, 'a');
    const SessionText text = {
        .channel_id = "g1_a_1", .account = account, .remote_ip = "::1", .app = "kim"};
    pkt::Session session;
    session.set_channelid("g1_a_1");
    session.set_account(account);
    session.set_remoteip("::1");
    session.set_app("kim");
    std::string written;
    append_session(written, text);
    EXPECT_EQ(written, session.SerializeAsString());
    EXPECT_EQ(written.size(), session_bytes(text));

    pkt::RollCallReq present;
    *present.add_present() = session;
    *present.add_present() = session;
    std::string all;
    append_present(all, text);
    append_present(all, text);
    EXPECT_EQ(all, present.SerializeAsString());
  }
}

}  // namespace
}  // namespace ringgate
