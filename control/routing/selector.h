// Choosing one of several instances of a service.
//
// A Selector is immutable and may be used by any thread. From the candidates of a service it
// prepares a group: whatever can be worked out before a packet comes. A shard prepares its groups
// whenever its candidates change, and asks them for every forwarded packet: select() does not
// allocate, lock, or count references. A group points into the catalogue and into its selector, and
// outlives neither.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/routing/catalogue.h"
#include "control/routing/selector_kind.h"

namespace ringgate {

// crc32 (IEEE) as the protocol's selectors use it: crc32_ieee("test1") = 2326977762.
[[nodiscard]] std::uint32_t crc32_ieee(std::string_view text) noexcept;

struct SelectionKey {
  std::uint32_t channel_crc = 0;  // crc32_ieee of the channel id, computed once at login
  std::string_view account;
  std::string_view app;
};

struct Selection {
  std::size_t index = 0;       // into the candidates
  bool zone_fallback = false;  // its zone has no service: to be counted
  std::string_view zone = {};  // that zone
};

// The same choice, for a person.
struct Explanation {
  std::vector<std::string> steps;
  Selection selection;
  bool by_channel = false;  // another channel of the same account may get another service
};

class PreparedGroup {
 public:
  explicit PreparedGroup(Candidates candidates) : candidates_(std::move(candidates)) {}
  PreparedGroup(const PreparedGroup&) = delete;
  PreparedGroup& operator=(const PreparedGroup&) = delete;
  virtual ~PreparedGroup() = default;

  [[nodiscard]] virtual Selection select(const SelectionKey& key) const noexcept = 0;
  // Adds the steps that lead to what select() says, and that.
  virtual void explain(const SelectionKey& key, Explanation& explanation) const = 0;

  [[nodiscard]] const Candidates& candidates() const noexcept { return candidates_; }

 protected:
  // What every selector falls back on, and one is: crc32_ieee(channel id) % n.
  [[nodiscard]] std::size_t by_hash(const SelectionKey& key) const noexcept {
    return key.channel_crc % candidates_.size();
  }
  void explain_by_hash(const SelectionKey& key, Explanation& explanation) const;
  [[nodiscard]] const std::string& id(std::size_t index) const {
    return candidates_[index]->service_id;
  }

 private:
  Candidates candidates_;
};

class Selector {
 public:
  Selector() = default;
  Selector(const Selector&) = delete;
  Selector& operator=(const Selector&) = delete;
  virtual ~Selector() = default;

  [[nodiscard]] virtual SelectorKind kind() const noexcept = 0;
  // The zone that is chosen, whatever services there are; empty: none is.
  [[nodiscard]] virtual std::string_view zone_of(const SelectionKey& /*key*/) const noexcept {
    return {};
  }
  // `candidates` is not empty and sorted by service id.
  [[nodiscard]] virtual std::unique_ptr<PreparedGroup> prepare(Candidates candidates) const = 0;
};

// crc32_ieee(channel id) % n
class HashSelector final : public Selector {
 public:
  [[nodiscard]] SelectorKind kind() const noexcept override { return SelectorKind::kHash; }
  [[nodiscard]] std::unique_ptr<PreparedGroup> prepare(Candidates candidates) const override;
};

// "chat01, chat02 and 98 more": lists for people are bounded.
[[nodiscard]] std::string list_names(const std::vector<std::string_view>& names);

}  // namespace ringgate
