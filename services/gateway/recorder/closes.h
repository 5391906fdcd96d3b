// The last closes of one shard, and for a minute the events of the channels that ended with them.
//
// The shard's thread. Its rows are taken at start; texts and records are blocks of the shard's
// pool, and go with their rows.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "dataplane/block_pool.h"
#include "services/gateway/channel.h"
#include "services/gateway/recorder/record.h"
#include "services/gateway/recorder/rows.h"

namespace ringgate {

class Closes {
 public:
  struct Close {
    ChannelRow row;
    Block texts;           // id (see ChannelRow::claimed), then app; without memory: neither
    std::string_view why;  // of static storage
    FlightRecord* record = nullptr;
    std::uint32_t at_ms = 0;  // of the shard's clock

    [[nodiscard]] std::string_view id() const noexcept {
      return {reinterpret_cast<const char*>(texts.data), row.id_bytes};
    }
    // Empty: it is not known.
    [[nodiscard]] std::string_view account(std::string_view gateway_id) const noexcept {
      return row.claimed ? id() : account_of(id(), gateway_id);
    }
    [[nodiscard]] std::string_view app() const noexcept {
      return {reinterpret_cast<const char*>(texts.data) + row.id_bytes, row.app_bytes};
    }
  };

  Closes(BlockPool& pool, std::uint32_t most);
  Closes(const Closes&) = delete;
  Closes& operator=(const Closes&) = delete;

  // The row's texts are copied, the record is this one's from now on. The oldest close is forgotten
  // for it where there are as many as may be: how many records went with it.
  std::uint32_t add(const Close& close, std::string_view id, std::string_view app);
  // Gives back the records of closes longer ago than that; how many.
  std::uint32_t forget_records(std::uint32_t now_ms, std::uint32_t after_ms);
  // Gives back the oldest record that there is.
  [[nodiscard]] bool forget_oldest_record();

  // The newest first, until `use` says false. `use` may want its number, too: how many there were
  // before it.
  template <class Use>
  void for_each(Use&& use) const {
    for (std::uint64_t i = next_; i > oldest(); --i) {
      const Close& close = closes_[(i - 1) % most_];
      bool goes_on = false;
      if constexpr (std::is_invocable_v<Use, const Close&, std::uint64_t>) {
        goes_on = use(close, i - 1);
      } else {
        goes_on = use(close);
      }
      if (!goes_on) return;
    }
  }

 private:
  [[nodiscard]] std::uint64_t oldest() const noexcept { return next_ > most_ ? next_ - most_ : 0; }
  [[nodiscard]] bool forget_record(Close& close) noexcept;

  BlockPool& pool_;
  std::uint32_t most_;
  std::unique_ptr<Close[]> closes_;
  std::uint64_t next_ = 0;          // how many there were
  std::uint64_t first_record_ = 0;  // none before this one has a record
};

}  // namespace ringgate
