// The selector `rendezvous`: every candidate gets a score for the channel, the highest wins. When
// one of n services goes, only its own channels move; one that comes takes 1/(n+1) of each of the
// others. Scores depend on the service id and the channel id alone, so every shard and every
// gateway agrees. Immutable, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "control/routing/selector.h"

namespace ringgate {

// The same in every version of ringgate: channels would move otherwise.
[[nodiscard]] std::uint64_t rendezvous_id_hash(std::string_view service_id) noexcept;
// Different for any two different id hashes.
[[nodiscard]] std::uint64_t rendezvous_score(std::uint64_t id_hash,
                                             std::uint32_t channel_crc) noexcept;

class RendezvousSelector final : public Selector {
 public:
  [[nodiscard]] SelectorKind kind() const noexcept override { return SelectorKind::kRendezvous; }
  [[nodiscard]] std::unique_ptr<PreparedGroup> prepare(Candidates candidates) const override;
};

}  // namespace ringgate
