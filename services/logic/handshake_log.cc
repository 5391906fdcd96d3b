#include "services/logic/handshake_log.h"

#include <fmt/format.h>

#include "control/base/address.h"
#include "control/observe/log_event.h"
#include "services/logic/counters.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kSecondMs = 1000;

}  // namespace

void HandshakeTeller::turn() {
  if (shard_.now_ms() - second_ms_ < kSecondMs) return;
  second_ms_ = shard_.now_ms();
  told_ = 0;
}

void HandshakeTeller::closed(const Connection& connection, CloseReason reason) {
  if (!is_of_tls(reason)) return;
  turn();
  const bool is_told = told_ < kMostASecond && mail({.left_out = 0,
                                                     .slot = connection.slot,
                                                     .generation = connection.generation,
                                                     .peer = connection.peer,
                                                     .reason = reason,
                                                     .empty = 0});
  if (is_told) {
    ++told_;
  } else {
    ++left_out_;
  }
}

void HandshakeTeller::on_tick() {
  if (left_out_ == 0 || shard_.now_ms() - second_ms_ < kSecondMs) return;
  turn();
  TlsFailedMail nobody{};
  nobody.empty = 1;
  static_cast<void>(mail(nobody));  // else the next time
}

bool HandshakeTeller::mail(TlsFailedMail mail) {
  mail.left_out = left_out_;
  if (!shard_.mail(shard_.control(), kMailTlsFailed, mail)) return false;
  left_out_ = 0;
  return true;
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
