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

  // False: this source has as many as it may; it is not counted once more. One that is exempt has
  // no bound, but is counted: it may be bound by a reload.
  [[nodiscard]] bool add(const PeerAddress& peer, const AddressRanges& exempt = {}) {
    if (max_ == 0) return true;
    std::uint32_t& count = counts_[peer.source()];
    if (count >= max_ && !contains(exempt, peer)) return false;
    ++count;
    return true;
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
