// Packets of clients and pushes by command, of commands that are not the protocol's own: a bounded
// number of names. A name gets a row when a service has answered it with success, or has pushed it:
// clients can send any, but not make a service know it. Until then, and beyond the bound, it counts
// as the rest. A service
// that answers whatever it is asked, as echo does, would give its clients all rows: each has a
// share of them.
//
// Written by one shard, read by any thread; nothing is allocated after the start.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "codec/text_hash.h"
#include "dataplane/cell.h"

namespace ringgate {

class OwnCommands {
 public:
  static constexpr std::size_t kMostBytes = 27;  // as OutstandingTable keeps them

  // `services`: how many there are to have commands; admit() is told which.
  OwnCommands(std::size_t names, std::size_t services)
      : most_(names + 1),
        share_(share_of(names, services)),
        taken_(services),
        rows_(std::make_unique<Row[]>(most_)),
        mask_(std::bit_ceil(2 * most_) - 1),
        places_(std::make_unique<std::uint16_t[]>(mask_ + 1)) {}

  // By its shard, for each packet.
  void count(std::string_view command) noexcept { rows_[find(command)].packets.add(1); }

  // The same for a push of that service.
  std::size_t count_push(std::string_view command) noexcept {
    const std::size_t row = find(command);
    rows_[row].pushes.add(1);
    return row;
  }
  // Which of the rows it has; kRest: none.
  [[nodiscard]] std::size_t find(std::string_view command) const noexcept {
    return places_[place_for(command)];
  }
  static constexpr std::size_t kRest = 0;

  // A number for a row among those of all shards that fits an event; 0: none.
  [[nodiscard]] std::uint16_t number_of(std::uint32_t shard, std::size_t row) const noexcept {
    const std::size_t number = row == kRest ? 0 : shard * most_ + row;
    return static_cast<std::uint16_t>(number > UINT16_MAX ? 0 : number);
  }

  // How many names each of so many services may have.
  [[nodiscard]] static std::size_t share_of(std::size_t names, std::size_t services) noexcept {
    return std::max<std::size_t>(1, names / std::max<std::size_t>(1, services));
  }

  // That service knows it.
  void admit(std::string_view command, std::size_t service) noexcept {
    const std::size_t known = size_.load(std::memory_order_relaxed);
    if (service >= taken_.size() || taken_[service] == share_ || known == most_ ||
        find(command) != kRest || !may_be_label(command)) {
      return;
    }
    ++taken_[service];
    Row& row = rows_[known];
    std::ranges::copy(command, row.text.begin());
    row.bytes = static_cast<std::uint8_t>(command.size());
    places_[place_for(command)] = static_cast<std::uint16_t>(known);
    size_.store(known + 1, std::memory_order_release);
  }

  // Tells `use(name, packets, pushes)`, in the order of rows; the empty name is the rest.
  template <class Use>
  void for_each(Use&& use) const {
    const std::size_t known = size_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < known; ++i) {
      use(rows_[i].name(), rows_[i].packets.get(), rows_[i].pushes.get());
    }
  }

 private:
  struct Row {
    Cell packets;
    Cell pushes;
    std::array<char, kMostBytes> text{};
    std::uint8_t bytes = 0;
    [[nodiscard]] std::string_view name() const noexcept { return {text.data(), bytes}; }
  };

  [[nodiscard]] static bool may_be_label(std::string_view command) noexcept {
    return !command.empty() && command.size() <= kMostBytes &&
           std::ranges::all_of(command, [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
           });
  }
  // Where it is in the index, or the free place where it would be: half of them are free.
  [[nodiscard]] std::size_t place_for(std::string_view command) const noexcept {
    std::size_t at = TextHash{}(command)&mask_;
    while (places_[at] != kRest && rows_[places_[at]].name() != command) at = (at + 1) & mask_;
    return at;
  }

  std::size_t most_;
  std::size_t share_;
  std::vector<std::size_t> taken_;  // of the rows, by service
  std::unique_ptr<Row[]> rows_;     // the first is the rest's
  std::size_t mask_;
  std::unique_ptr<std::uint16_t[]> places_;  // by hash: an index of rows_
  std::atomic<std::size_t> size_{1};
};

}  // namespace ringgate
