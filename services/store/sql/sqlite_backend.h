// Messages in SQLite. All calls that wait are done in one transaction, and answered when it is on
// the disk: while that is synced the next ones come together. On the store's thread only.
//
// What fails as a whole (a full disk, a read-only one) closes the file and is tried again, with
// pauses that grow, until a write succeeds.
#pragma once

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "control/base/backoff.h"
#include "services/store/calls/thread.h"
#include "services/store/message_options.h"
#include "services/store/sql/cleaner.h"
#include "services/store/sql/plan.h"
#include "services/store/sql/recovery.h"
#include "services/store/sql/sqlite.h"
#include "services/store/sql/sqlite_files.h"

namespace ringgate::sql {

class SqliteBackend final : public StoreBackend {
 public:
  // An empty path: in memory.
  SqliteBackend(StoreThread& thread, const MessageStoreOptions& options, std::string path);

  ~SqliteBackend() override;

  void take(StoreJob& job) override { asked_.push_back(&job); }
  void undo(StoreJob& job) override { to_undo_.push_back(&job); }
  void on_turn_end() override;

 private:
  void open();
  [[nodiscard]] Outcome<void> try_open();
  void close();
  void broken(Work work, const Trouble& trouble);
  void settle(Work work);
  void tell_of_a_lost_file() const;
  void probe();
  void clean();
  void clean_after(std::chrono::milliseconds pause);

  void do_calls(std::vector<StoreJob*> jobs);
  void do_plans(const std::vector<StoreJob*>& jobs, const std::vector<Plan>& plans);
  void do_undo();
  [[nodiscard]] Outcome<std::vector<Results>> run(Work work, std::span<const Plan> plans);

  StoreThread& thread_;
  const MessageStoreOptions options_;
  const std::string path_;
  const Rules rules_;
  SqliteLog log_;
  std::unique_ptr<Sqlite> database_;  // null: it is closed, and tried again
  std::vector<StoreJob*> asked_;
  std::vector<StoreJob*> to_undo_;
  std::int64_t sent_until_ = 0;  // the last send time that was given
  Cleaner cleaner_;
  bool is_busy_ = false;   // calls have come since it was looked at
  bool has_run_ = false;   // the same, and one was done
  bool was_full_ = false;  // since it was last opened
  Recovery recovery_;
  Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace ringgate::sql
