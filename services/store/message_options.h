// Where messages are kept, and for how long; and how a process opens that.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "control/base/error.h"
#include "control/base/unique_fd.h"
#include "services/store/calls/thread.h"
#include "services/store/messages.h"

namespace ringgate {

struct MessageStoreOptions {
  // sqlite:///var/lib/ringgate/messages.db, postgresql://user@host/database, or memory:
  std::string url = "memory:";
  std::chrono::days message_days{90};  // older messages are deleted
  std::chrono::days offline_days{15};  // older ones are not in an index
  std::size_t max_group_members = 10'000;
  std::uint32_t reconnect_min_ms = 50;
  std::uint32_t reconnect_max_ms = 2'000;
  std::uint32_t probe_ms = 5'000;         // so often it is seen whether it works, when nobody asks
  std::uint32_t cleaning_ms = 3'600'000;  // between two passes over what is too old
  StoreClientOptions client;
};

// What sentences and the log call the store: without user and password. An error of usage when the
// URL is none that we know.
[[nodiscard]] Result<std::string> message_store_name(const std::string& url);

// Takes the store for this process, which has it as long as the result lives: a file of SQLite is
// one process's. An error while another one has it, which says who. Of other stores, and where no
// lock can be had, nothing is taken.
[[nodiscard]] Result<UniqueFd> claim_message_store(const std::string& url);

// The store's thread; see there for the order of things. Whether the store works shows later: calls
// fail until it does.
[[nodiscard]] Result<std::unique_ptr<StoreThread>> open_message_store(
    const MessageStoreOptions& options, std::uint32_t shards);

// The message store of a shard; the thread outlives it.
[[nodiscard]] inline std::unique_ptr<MessageStore> messages_of(StoreThread& thread, Shard& shard) {
  return std::make_unique<MessageStore>(thread.client(shard));
}

// --- For `ringgate store` -----------------------------------------------------------------------

struct MessageStoreReport {
  std::string name;
  std::int64_t version = 0;  // 0: it has no tables of ours yet
  std::int64_t known = 0;    // what this ringgate writes
  std::int64_t messages = 0;
  std::int64_t groups = 0;
};

// Looks at the store, tries what a writer needs, and changes nothing. An error: it cannot be used
// as it is.
[[nodiscard]] Result<MessageStoreReport> check_message_store(const std::string& url);
// Brings its tables up to what this ringgate knows; the report is of before.
[[nodiscard]] Result<MessageStoreReport> migrate_message_store(const std::string& url);

}  // namespace ringgate
