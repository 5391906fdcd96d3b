// Shard: what comes before a client's frames: the PROXY header of a trusted proxy, and a
// WebSocket's opening handshake. Both say where a client really comes from. Set-up, so it may
// allocate.
#include <algorithm>

#include "codec/proxy_protocol.h"
#include "dataplane/shard.h"

namespace ringgate {

void Shard::begin_opening(Connection& connection, std::uint32_t listener) {
  connection.listener = static_cast<std::uint8_t>(listener);
  connection.transport = acceptor_.listener(listener).transport;
  const bool begins = acceptor_.listener(listener).proxy_protocol.value_or(options_.proxy_protocol);
  const bool proxied = begins && is_proxy(connection.peer);
  connection.stage = proxied ? Stage::kProxyHeader : stage_after_proxy(connection);
}

Stage Shard::stage_after_proxy(const Connection& connection) const noexcept {
  return acceptor_.listener(connection.listener).tls ? Stage::kTls : stage_after_tls(connection);
}

Stage Shard::stage_after_tls(const Connection& connection) noexcept {
  return connection.transport == Transport::kWebSocket ? Stage::kUpgrade : Stage::kFrames;
}

std::size_t Shard::parse_opening(Connection& connection, MutableBytes input) {
  std::size_t used = 0;
  if (connection.stage == Stage::kProxyHeader) used = take_proxy_header(connection, input);
  if (connection.stage == Stage::kProxyRest)
    used += skip_proxy_rest(connection, input.subspan(used));
  if (connection.stage == Stage::kTls && connection.open()) {
    return used + take_first_sealed(connection, input.subspan(used));
  }
  if (connection.stage == Stage::kUpgrade && connection.open()) {
    used += take_upgrade(connection, input.subspan(used));
  }
  return used;
}

std::size_t Shard::take_proxy_header(Connection& connection, ByteView input) {
  const ProxyStep step = parse_proxy_header(input, options_.max_proxy_header_bytes);
  if (step.status == ProxyStatus::kNeedMore) return 0;
  if (step.status != ProxyStatus::kDone) {
    finish(connection, step.status == ProxyStatus::kTooLong ? CloseReason::kProxyHeaderTooLong
                                                            : CloseReason::kBadProxyHeader);
    return 0;
  }
  if (step.has_source) move_source(connection, PeerAddress::from(step.source));
  connection.stage = stage_after_proxy(connection);
  if (step.skip > 0 && connection.open()) {
    connection.stage = Stage::kProxyRest;
    proxy_rests_[connection.slot] = step.skip;
  }
  return step.consumed;
}

// Nothing of it is kept: it may be long, and comes in parts.
std::size_t Shard::skip_proxy_rest(Connection& connection, ByteView input) {
  const auto rest = proxy_rests_.find(connection.slot);
  const std::size_t skipped = std::min(rest->second, input.size());
  rest->second -= skipped;
  if (rest->second > 0) return skipped;
  proxy_rests_.erase(rest);
  connection.stage = stage_after_proxy(connection);
  return skipped;
}

// The answer is the first thing the client gets, and what follows the request are its frames.
std::size_t Shard::take_upgrade(Connection& connection, ByteView input) {
  const WsUpgradeOptions& wanted = upgrade_rules_[connection.listener];
  const auto entry = upgrades_.try_emplace(connection.slot, wanted).first;
  const UpgradeStep step = entry->second.feed(input);
  if (step.status == UpgradeStatus::kNeedMore) return step.consumed;

  const WsUpgrade upgrade = std::move(entry->second);
  upgrades_.erase(entry);
  const std::string response = upgrade.response();
  if (std::uint8_t* const to = reserve(connection, response.size()); to != nullptr) {
    std::ranges::copy(as_bytes(response), to);
  }
  if (!connection.open()) return step.consumed;  // its queue was full
  if (step.status == UpgradeStatus::kRefused) {
    counters_.add(Counter::kUpgradesRefused);
    if (upgrade.http_status() == 431) counters_.add(Counter::kUpgradesTooLong);
    finish(connection, CloseReason::kUpgradeRefused);
    return step.consumed;
  }
  counters_.add(Counter::kUpgrades);
  counters_.change(Gauge::kWebSockets, 1);
  connection.stage = Stage::kFrames;
  move_source(connection,
              forwarded_peer(connection.peer, upgrade.forwarded_for(), options_.trusted_proxies));
  return step.consumed;
}

// The connection ends: whatever its opening had collected, and what was counted with its end.
void Shard::forget_client(Connection& connection) {
  if (connection.role != Role::kClient) return;
  if (connection.stage == Stage::kProxyRest) {
    proxy_rests_.erase(connection.slot);
  } else if (connection.stage == Stage::kUpgrade) {
    upgrades_.erase(connection.slot);
  } else if (connection.transport == Transport::kWebSocket && connection.stage == Stage::kFrames) {
    counters_.change(Gauge::kWebSockets, -1);
    drop_parts(connection);
  }
}

void Shard::move_source(Connection& connection, const PeerAddress& source) {
  if (source.bytes() == connection.peer.bytes()) {
    connection.peer = source;  // perhaps another port; it is counted already
    return;
  }
  forget_source(connection.peer);
  connection.peer = source;
  if (!count_source(source)) abort(connection, CloseReason::kTooManyFromAddress);
}

// Who comes through a socket of the file system has no address, and may open it.
bool Shard::is_proxy(const PeerAddress& peer) const noexcept {
  return !peer.known() || contains(options_.trusted_proxies, peer);
}

// A proxy's own address stands for all of its clients: it is not bounded.
bool Shard::count_source(const PeerAddress& peer) {
  if (is_proxy(peer)) return true;
  if (!sources_.has_room(peer, options_.exempt_addresses)) {
    counters_.add(Counter::kTooManyFromAddress);
    if (!options_.limits_dry_run) return false;
  }
  sources_.add(peer);
  return true;
}

void Shard::forget_source(const PeerAddress& peer) {
  if (!is_proxy(peer)) sources_.remove(peer);
}

}  // namespace ringgate
