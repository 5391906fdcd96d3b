#include "control/routing/rendezvous.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ringgate {
namespace {

constexpr std::uint64_t kGolden = 0x9e37'79b9'7f4a'7c15;  // 2^64 / golden ratio, odd
constexpr std::size_t kMostScores = 20;

// A bijection in which every bit of the result depends on every bit of `x`: the finalizer of
// Stafford's "variant 13", which SplitMix64 uses.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

class RendezvousGroup final : public PreparedGroup {
 public:
  explicit RendezvousGroup(Candidates all) : PreparedGroup(std::move(all)) {
    for (const CatalogueEntry* const entry : candidates()) {
      id_hashes_.push_back(rendezvous_id_hash(entry->service_id));
    }
  }

  [[nodiscard]] Selection select(const SelectionKey& key) const noexcept override {
    std::size_t best = 0;
    std::uint64_t highest = 0;
    for (std::size_t i = 0; i < id_hashes_.size(); ++i) {
      const std::uint64_t score = rendezvous_score(id_hashes_[i], key.channel_crc);
      if (score > highest) {
        highest = score;
        best = i;
      }
    }
    return {best};
  }
  void explain(const SelectionKey& key, Explanation& explanation) const override;

 private:
  std::vector<std::uint64_t> id_hashes_;  // of the candidates
};

void RendezvousGroup::explain(const SelectionKey& key, Explanation& explanation) const {
  explanation.selection = select(key);
  explanation.by_channel = id_hashes_.size() > 1;
  explanation.steps.push_back(
      fmt::format("crc32(channel id) = {}; every candidate gets a score from it and its own id",
                  key.channel_crc));
  std::vector<std::pair<std::uint64_t, std::size_t>> scores;
  scores.reserve(id_hashes_.size());
  for (std::size_t i = 0; i < id_hashes_.size(); ++i) {
    scores.emplace_back(rendezvous_score(id_hashes_[i], key.channel_crc), i);
  }
  std::ranges::sort(scores, std::greater{});
  std::string text = "from the highest:";
  const std::size_t shown = std::min(scores.size(), kMostScores);
  for (std::size_t i = 0; i < shown; ++i) {
    fmt::format_to(std::back_inserter(text), "{} {} {:016x}", i == 0 ? "" : ",",
                   id(scores[i].second), scores[i].first);
  }
  if (scores.size() > shown) text += fmt::format(" and {} more", scores.size() - shown);
  explanation.steps.push_back(fmt::format("{} → {}", text, id(explanation.selection.index)));
}

}  // namespace

// FNV-1a, then mixed: FNV alone leaves the high bits of ids that differ at their end alike.
std::uint64_t rendezvous_id_hash(std::string_view service_id) noexcept {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : service_id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01b3;
  }
  return mix(hash);
}

std::uint64_t rendezvous_score(std::uint64_t id_hash, std::uint32_t channel_crc) noexcept {
  return mix(id_hash ^ (channel_crc * kGolden));
}

std::unique_ptr<PreparedGroup> RendezvousSelector::prepare(Candidates candidates) const {
  return std::make_unique<RendezvousGroup>(std::move(candidates));
}

}  // namespace ringgate
