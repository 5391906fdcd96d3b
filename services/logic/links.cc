#include "services/logic/links.h"

#include <algorithm>
#include <utility>

#include "dataplane/clock.h"
#include "services/logic/counters.h"

namespace ringgate {

void LinkDirectory::claim(Connection& connection, std::string_view gateway_id, std::uint32_t lane,
                          std::string_view boot) {
  Gateway& gateway = at(gateway_id);
  std::vector<ConnectionHandle> older;
  for (const auto& link : gateway.here) {
    if (link->lane == lane) older.push_back(link->connection);
  }
  gateway.here.push_back(std::make_unique<Link>(
      Link{&gateway, lane, Clock::monotonic_ns(), connection.handle(), std::string(boot)}));
  connection.set_user(*gateway.here.back());
  broadcast(kMailLinkClaimed, *gateway.here.back());
  for (const ConnectionHandle old : older) close(old, gateway_id, lane);
}

void LinkDirectory::drop(Connection& connection) {
  const auto* const link = connection.user<const Link>();
  if (link == nullptr) return;
  broadcast(kMailLinkGone, *link);
  Gateway& gateway = *link->gateway;
  std::erase_if(gateway.here, [link](const auto& owned) { return owned.get() == link; });
  erase_if_unused(gateway.id);
}

void LinkDirectory::take_gone(std::uint32_t from, ByteView message) {
  const LinkMail mail = kMailLinkGone.read(message);
  Gateway& gateway = at(as_text(message));
  std::erase_if(gateway.elsewhere, [&](const RemoteLink& link) {
    return link.shard == from && link.claimed_ns == mail.claimed_ns && link.lane == mail.lane;
  });
  erase_if_unused(gateway.id);
}

void LinkDirectory::take_claimed(std::uint32_t from, ByteView message) {
  const LinkMail mail = kMailLinkClaimed.read(message);
  Gateway& gateway = at(as_text(message));
  gateway.elsewhere.push_back({from, mail.lane, mail.claimed_ns});
  for (const auto& link : gateway.here) {
    const bool older = link->lane == mail.lane && std::pair(link->claimed_ns, shard_.index()) <
                                                      std::pair(mail.claimed_ns, from);
    if (!older) continue;
    close(link->connection, gateway.id, mail.lane);  // changes gateway.here
    return;
  }
}

const Gateway* LinkDirectory::find(std::string_view gateway_id) const {
  const auto found = gateways_.find(gateway_id);
  return found == gateways_.end() ? nullptr : &found->second;
}

Gateway& LinkDirectory::at(std::string_view gateway_id) {
  if (const auto found = gateways_.find(gateway_id); found != gateways_.end()) {
    return found->second;
  }
  Gateway& gateway = gateways_[std::string(gateway_id)];
  gateway.id = gateway_id;
  return gateway;
}

void LinkDirectory::erase_if_unused(const std::string& gateway_id) {
  const auto found = gateways_.find(gateway_id);
  if (found->second.here.empty() && found->second.elsewhere.empty()) gateways_.erase(found);
}

void LinkDirectory::close(ConnectionHandle link, std::string_view gateway_id, std::uint32_t lane) {
  Connection* const connection = shard_.find(link);
  if (connection == nullptr) return;
  const LinkReplacedMail mail{connection->peer, lane};
  std::uint8_t* const room =
      shard_.mail(shard_.control(), kMailLinkReplaced, mail, gateway_id.size());
  if (room != nullptr) std::ranges::copy(gateway_id, room);
  shard_.finish(*connection, LogicClose::kReplaced);
}

void LinkDirectory::broadcast(MailWith<LinkMail> kind, const Link& link) {
  const LinkMail mail{link.claimed_ns, link.lane, 0};
  for (std::uint32_t to = 0; to < shard_.options().shards; ++to) {
    if (to != shard_.index()) shard_.mail_surely(to, kind, mail, as_bytes(link.gateway->id));
  }
}

}  // namespace ringgate
