#include "services/logic/handshake_log.h"

#include <fmt/format.h>

#include "control/base/address.h"
#include "control/observe/log_event.h"
#include "services/logic/counters.h"

namespace ringgate {
void HandshakeTeller::closed(const Connection& connection, CloseReason reason) {
  if (!is_of_tls(reason)) return;
  told_.tell(0, kMostASecond, shard_.now_ms(), [&](std::uint32_t left_out) {
    return mail({.left_out = left_out,
                 .slot = connection.slot,
                 .generation = connection.generation,
                 .peer = connection.peer,
                 .reason = reason,
                 .empty = 0});
  });
}

void HandshakeTeller::on_tick() {
  told_.on_tick(shard_.now_ms(), [this](std::size_t, std::uint32_t left_out) {
    TlsFailedMail nobody{};
    nobody.left_out = left_out;
    nobody.empty = 1;
    return mail(nobody);
  });
}

void HandshakeLog::take(std::uint32_t shard, const TlsFailedMail& mail, Time now) {
  if (mail.left_out > 0) limits_.left_out(LogEvent::kClosed, mail.left_out, now);
  if (mail.empty != 0 || !limits_.take(LogEvent::kClosed, now)) return;
  const std::string connection = fmt::format("{}-{}-{}", shard, mail.slot, mail.generation);
  const std::string peer = format_endpoint({mail.peer.ip(), mail.peer.port()});
  const std::string_view reason = describe(mail.reason, kLogicNames).name;
  log_event(LogEvent::kClosed, {{"connection", connection}, {"peer", peer}, {"reason", reason}},
            fmt::format("closed {}: {}", peer, reason));
}

}  // namespace ringgate
