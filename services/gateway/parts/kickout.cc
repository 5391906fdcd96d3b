#include "services/gateway/parts/kickout.h"

#include <string>

#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "services/gateway/commands.h"

namespace ringgate {

bool push_kickout(Shard& shard, Connection& connection, std::string_view channel_id) {
  pkt::KickoutNotify notify;
  notify.set_channelid(std::string(channel_id));
  const std::string body = notify.SerializeAsString();
  OutgoingHeader header;
  header.command = kCommandSignIn;
  header.channel_id = channel_id;
  header.flag = Flag::kPush;
  std::uint8_t* const to =
      shard.reserve_frame(connection, Opcode::kBinary, packet_bytes(header, body.size()));
  if (to == nullptr) return false;
  write_packet(to, header, as_bytes(body));
  return true;
}

// Some clients that are closed log in again at once, and the other device then does the same.
void end_kicked_out(const GatewayContext& context, Connection& connection) {
  if (context.options.kickout_linger_ms == 0) {
    context.shard.finish(connection, GatewayClose::kKickedOut);
  } else if (connection.open()) {
    context.shard.set_deadline(connection, context.options.kickout_linger_ms);
  }
}

}  // namespace ringgate
