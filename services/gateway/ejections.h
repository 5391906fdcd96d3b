// Which instances shards have left out because they do not answer (parts/ejector.h), as
// control has heard of it. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "control/links/manager.h"
#include "control/observe/episode.h"
#include "services/gateway/mail.h"

namespace ringgate {

class Ejections {
 public:
  void take(std::uint32_t shard, const EjectedMail& mail);
  // Forgets those that are not among `instances` any more, and logs which began and ended.
  void look(std::span<const InstanceStatus> instances);

  [[nodiscard]] bool ejected(std::uint32_t upstream) const { return by_shard_.contains(upstream); }
  // Those that a shard would choose from: with a link, and not left out while others are there.
  [[nodiscard]] std::set<std::uint32_t> usable(std::span<const InstanceStatus> instances) const;

 private:
  // By upstream: which shards, and why.
  std::map<std::uint32_t, std::set<std::pair<std::uint32_t, EjectReason>>> by_shard_;
  Episodes episodes_;
};

// Any of its links.
[[nodiscard]] bool has_link(const InstanceStatus& instance);

}  // namespace ringgate
