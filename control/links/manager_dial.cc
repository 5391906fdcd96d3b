// LinkManager: links that are dialled.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "codec/pkt.pb.h"
#include "codec/tcp_frame.h"
#include "control/base/address.h"
#include "control/links/manager.h"
#include "control/observe/log_event.h"

namespace ringgate {
namespace {

// In plain text it is never dialled: whoever asked for TLS is not to be tricked out of it.
constexpr std::string_view kNoLinkTls =
    "it takes links over TLS only (tls=1), and LinkTlsCA is not set; name the file of the "
    "authorities that services' certificates are trusted by";

}  // namespace

std::string LinkManager::greeting(const Target& target, std::uint32_t lane) const {
  pkt::InnerHandshakeReq request;
  request.set_serviceid(options_.gateway_id);
  if (target.lanes.size() > 1) request.set_lane(lane);
  if (target.service.takes_roll_calls()) request.set_boot(options_.boot);
  const std::string body = request.SerializeAsString();
  std::string frame(kTcpFrameHeadBytes, '\0');
  write_tcp_frame_head(reinterpret_cast<std::uint8_t*>(frame.data()), Opcode::kBinary,
                       static_cast<std::uint32_t>(body.size()));
  return frame + body;
}

void LinkManager::dial(std::uint32_t upstream, std::uint32_t lane) {
  Target* const target = find(upstream);
  if (target == nullptr || target->draining || stopped_) return;
  Lane& one = target->lanes[lane];
  one.timer = 0;
  LinkDialler::Tls tls;
  if (target->service.is_tls()) {
    if (options_.tls == nullptr) {
      tls_counts_.refused.add(1);
      not_dialled(*target, lane, Error{std::string(kNoLinkTls)});
      return;
    }
    tls = {options_.tls, target->service.name};
  }
  one.state = LaneState::kDialling;
  one.dialled_at = std::chrono::steady_clock::now();
  one.dial = dialler_.dial({target->service.address, target->service.port}, greeting(*target, lane),
                           std::move(tls), [this, upstream, lane](Result<LinkDialler::Link> link) {
                             dialled(upstream, lane, std::move(link));
                           });
}

void LinkManager::use_tls(std::shared_ptr<SSL_CTX> context) {
  options_.tls = std::move(context);
  for (auto& [upstream, target] : targets_) {
    if (!target.draining && target.service.is_tls()) dial_waiting(target);
  }
}

// Whoever has just registered is there: it need not wait for the end of a pause.
void LinkManager::dial_waiting(Target& target) {
  for (std::uint32_t i = 0; i < target.lanes.size(); ++i) {
    Lane& lane = target.lanes[i];
    if (lane.state != LaneState::kWaiting || lane.timer == 0) continue;
    loop_.cancel(lane.timer);
    lane.backoff.reset();
    dial(target.upstream, i);
  }
}

// Told once for as long as it lasts, and again for another reason: not by each lane.
void LinkManager::not_dialled(Target& target, std::uint32_t lane, const Error& error) {
  Lane& one = target.lanes[lane];
  const bool is_known = target.complained_of == error.message;
  const std::string address = format_endpoint({target.service.address, target.service.port});
  log_event(LogEvent::kLinkNotDialled, is_known ? LogLevel::kDebug : LogLevel::kWarn,
            {{"id", target.service.id},
             {"service", target.service.name},
             {"address", address},
             {"why", error.message}},
            fmt::format("{} ({}) at {} cannot be reached: {}; trying again", target.service.id,
                        target.service.name, address, error.message));
  target.complained_of = error.message;
  one.failed(error.message);
  redial_later(target, lane);
}

void LinkManager::dialled(std::uint32_t upstream, std::uint32_t lane,
                          Result<LinkDialler::Link> link) {
  Target* const target = find(upstream);
  if (target == nullptr || target->draining || stopped_) return;
  Lane& one = target->lanes[lane];
  one.dial = 0;
  if (!link) {
    not_dialled(*target, lane, link.error());
    return;
  }
  one.state = LaneState::kUp;
  one.epoch = next_epoch_++;
  target->complained_of.clear();
  const bool is_lane = target->lanes.size() > 1;
  one.not_seen = is_lane ? 1 : shards_.size();
  const AdoptMail mail{.fd = link->fd.release(),
                       .accepted = 0,
                       .peer = PeerAddress::from(link->peer.storage),
                       .what = AdoptedFor{upstream, is_lane ? lane : kNoLane, one.epoch},
                       .handover = link->handover.release()};
  shards_.post(one.shard, kMailAdopt, mail);
  if (one.ends_soon) {
    one.timer = loop_.after(kShortLived, [this, upstream, lane] { lasted(upstream, lane); });
  } else {
    tell_up(*target, one);
  }
}

// It is no longer one that ends as soon as it is up.
void LinkManager::lasted(std::uint32_t upstream, std::uint32_t lane) {
  Target* const target = find(upstream);
  if (target == nullptr) return;
  Lane& one = target->lanes[lane];
  one.timer = 0;
  one.ends_soon = false;
  tell_up(*target, one);
}

void LinkManager::tell_up(const Target& target, const Lane& lane) const {
  log_event(LogEvent::kLinkUp, lane.refused ? LogLevel::kDebug : LogLevel::kInfo,
            {{"id", target.service.id}, {"service", target.service.name}, {"shard", lane.shard}},
            fmt::format("link to {} ({}) is up, on shard {}", target.service.id,
                        target.service.name, lane.shard));
}

void LinkManager::redial_later(Target& target, std::uint32_t lane) {
  Lane& one = target.lanes[lane];
  one.state = LaneState::kWaiting;
  const auto delay = one.backoff.next(options_.redial_min, options_.redial_max, random_);
  one.timer =
      loop_.after(delay, [this, upstream = target.upstream, lane] { dial(upstream, lane); });
}

}  // namespace ringgate
