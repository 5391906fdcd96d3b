// How many clients of one shard come from each source address: the bound on connections per
// source. Used when connections open and close, never per packet. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "dataplane/address_range.h"
#include "dataplane/peer_address.h"

namespace ringgate {

class AddressCounts {
 public:
  // 0: no bound, and nothing is counted.
  explicit AddressCounts(std::uint32_t max) : max_(max) {}

  // Whether this source may have one more. One that is exempt has no bound.
  [[nodiscard]] bool has_room(const PeerAddress& peer, const AddressRanges& exempt = {}) const {
    if (max_ == 0) return true;
    const auto found = counts_.find(peer.source());
    return found == counts_.end() || found->second < max_ || contains(exempt, peer);
  }

  // Also one that is exempt: it may be bound by a reload.
  void add(const PeerAddress& peer) {
    if (max_ != 0) ++counts_[peer.source()];
  }

  // One that was added has gone.
  void remove(const PeerAddress& peer) {
    if (max_ == 0) return;
    const auto found = counts_.find(peer.source());
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }

 private:
  struct Hash {
    std::size_t operator()(const PeerAddress::Source& source) const noexcept;
  };

  std::uint32_t max_;
  std::unordered_map<PeerAddress::Source, std::uint32_t, Hash> counts_;
};

}  // namespace ringgate
