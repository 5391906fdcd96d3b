#include "control/routing/selector.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace ringgate {
namespace {

constexpr std::size_t kMostNames = 20;

class HashGroup final : public PreparedGroup {
 public:
  using PreparedGroup::PreparedGroup;

  [[nodiscard]] Selection select(const SelectionKey& key) const noexcept override {
    return {by_hash(key)};
  }
  void explain(const SelectionKey& key, Explanation& explanation) const override {
    explain_by_hash(key, explanation);
    explanation.selection = select(key);
  }
};

}  // namespace

std::uint32_t crc32_ieee(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

void PreparedGroup::explain_by_hash(const SelectionKey& key, Explanation& explanation) const {
  const std::size_t index = by_hash(key);
  explanation.steps.push_back(fmt::format("crc32(channel id) = {} % {} = {} → {}", key.channel_crc,
                                          candidates_.size(), index, id(index)));
  explanation.by_channel = candidates_.size() > 1;
}

std::unique_ptr<PreparedGroup> HashSelector::prepare(Candidates candidates) const {
  return std::make_unique<HashGroup>(std::move(candidates));
}

std::string list_names(const std::vector<std::string_view>& names) {
  const std::size_t shown = std::min(names.size(), kMostNames);
  std::string text = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace ringgate
