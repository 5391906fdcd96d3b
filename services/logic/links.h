// Which gateways have links to this service, and on which shards.
//
// Every shard knows its own links and, by mail, which other shards have links of a gateway. There
// is one link per gateway and lane in the whole process: the newest, by the time its handshake was
// read; the shard of an older one closes it when it hears of the newer.
//
// One LinkDirectory per shard, on its thread; it owns the Links.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/text_hash.h"
#include "dataplane/shard.h"
#include "services/logic/mail.h"

namespace ringgate {

struct Gateway;

// A link of this shard: Connection::user.
struct Link {
  Gateway* gateway = nullptr;
  std::uint32_t lane = 0;
  std::uint64_t claimed_ns = 0;  // CLOCK_MONOTONIC: one clock for all shards
  ConnectionHandle connection;
  std::string boot;  // of a gateway of ours; empty: of another make
};

// That another shard has, or had a moment ago.
struct RemoteLink {
  std::uint32_t shard = 0;
  std::uint32_t lane = 0;
  std::uint64_t claimed_ns = 0;
};

struct Gateway {
  std::string id;
  std::vector<std::unique_ptr<Link>> here;
  std::vector<RemoteLink> elsewhere;
};

class LinkDirectory {
 public:
  explicit LinkDirectory(Shard& shard) noexcept : shard_(shard) {}

  // The connection is the link of that gateway and lane from now on; an older one is closed.
  void claim(Connection& connection, std::string_view gateway_id, std::uint32_t lane,
             std::string_view boot = {});
  // The connection has been closed.
  void drop(Connection& connection);
  // Mail of the other shards: of kind kMailLinkClaimed, and kMailLinkGone.
  void take_claimed(std::uint32_t from, ByteView message);
  void take_gone(std::uint32_t from, ByteView message);

  // Null: no link of that gateway here, and none known elsewhere. Valid for the call.
  [[nodiscard]] const Gateway* find(std::string_view gateway_id) const;

 private:
  using Gateways = std::unordered_map<std::string, Gateway, TextHash, std::equal_to<>>;

  Gateway& at(std::string_view gateway_id);
  void erase_if_unused(const std::string& gateway_id);
  // A newer one has its place. Control is told, who may see in it that two processes have one id.
  void close(ConnectionHandle link, std::string_view gateway_id, std::uint32_t lane);
  void broadcast(MailWith<LinkMail> kind, const Link& link);

  Shard& shard_;
  Gateways gateways_;
};

}  // namespace ringgate
