// Choosing one of several instances of a service. Pure code over a catalogue's entries; shards call
// it for every forwarded packet, so it does not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "control/catalogue.h"

namespace ringgate {

// crc32 (IEEE) as the protocol's selectors use it: crc32_ieee("test1") = 2326977762.
[[nodiscard]] std::uint32_t crc32_ieee(std::string_view text) noexcept;

struct SelectionKey {
  std::uint32_t channel_crc = 0;  // crc32_ieee of the channel id, computed once at login
  std::string_view account;
  std::string_view app;
};

class Selector {
 public:
  Selector() = default;
  Selector(const Selector&) = delete;
  Selector& operator=(const Selector&) = delete;
  virtual ~Selector() = default;

  // The index of the chosen one. `candidates` is not empty and sorted by service id.
  [[nodiscard]] virtual std::size_t select(
      const SelectionKey& key,
      std::span<const CatalogueEntry* const> candidates) const noexcept = 0;
};

// crc32_ieee(channelId) % n
class HashSelector final : public Selector {
 public:
  [[nodiscard]] std::size_t select(
      const SelectionKey& key,
      std::span<const CatalogueEntry* const> candidates) const noexcept override {
    return key.channel_crc % candidates.size();
  }
};

}  // namespace ringgate
