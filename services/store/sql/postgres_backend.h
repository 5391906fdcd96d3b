// Messages in PostgreSQL, over one pipelined connection. All calls that wait become one
// transaction, sent in one go; the next one is sent while the server is at it. On the store's
// thread only, but for dialling, which blocks and has threads of its own.
//
// What breaks the connection, or fails as a whole, makes it dial again with pauses that grow. A
// talk whose outcome is unknown then is undone before its caller hears that it failed.
//
// Talks of all chats wait for each other at one row (calls.h). A chat that is stopped, or cut off,
// while its transaction is open would stop all: the others end its session.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "control/base/backoff.h"
#include "control/base/mutex.h"
#include "services/store/calls/thread.h"
#include "services/store/message_options.h"
#include "services/store/sql/cleaner.h"
#include "services/store/sql/plan.h"
#include "services/store/sql/postgres.h"
#include "services/store/sql/recovery.h"
#include "services/store/sql/url.h"

namespace ringgate::sql {

class PostgresBackend final : public StoreBackend {
 public:
  PostgresBackend(StoreThread& thread, const MessageStoreOptions& options, const Url& url);
  ~PostgresBackend() override;

  void take(StoreJob& job) override { asked_.push_back(&job); }
  void undo(StoreJob& job) override { to_undo_.push_back(&job); }
  void on_turn_end() override;

 private:
  using Connected = Outcome<std::unique_ptr<Postgres>>;
  using Done = std::function<void(Outcome<std::vector<Results>>)>;
  // What is sent as one transaction.
  struct Group {
    std::vector<Plan> plans;
    std::vector<StoreJob*> jobs;  // of the plans; empty: it is ours
    Done done;
    Work work = Work::kCalls;
    std::uint64_t sent_ms = 0;
    std::vector<Results> results;  // so far
    std::size_t at = 0;            // the plan whose results come
    std::optional<Trouble> trouble;
  };
  // How a dialling thread finds us, if we are still there.
  struct Dial {
    Mutex mutex;
    PostgresBackend* backend ABSL_GUARDED_BY(mutex) = nullptr;  // null: it has gone
  };

  // Whether it works
  void dial();
  void on_dialled(Connected connected);
  void settle(Work work);
  void broken(const Trouble& trouble, Work work = Work::kOpening);
  void dial_later();
  void look();

  // postgres_pipeline.cc: groups out, results in
  void send(Group group);
  [[nodiscard]] bool send(const Step& step);
  void flush();
  void on_readable();
  void take_result(pg_result* result);
  void finish(Group group);

  // Calls
  void pump();
  void send_calls(std::vector<StoreJob*> jobs);
  void on_calls_done(const std::vector<StoreJob*>& jobs, Outcome<std::vector<Results>> all);
  void try_again(const std::vector<StoreJob*>& jobs);
  void undo_all();
  void clean();

  // Others that hold what we need
  void end_stuck();
  void on_blocked();

  StoreThread& thread_;
  const MessageStoreOptions options_;
  const std::string url_;
  const Rules rules_;
  const std::shared_ptr<Dial> dial_;
  std::unique_ptr<Postgres> connection_;  // null: none, it is being dialled or will be
  int fd_ = -1;                           // its; libpq forgets it where the connection breaks
  bool is_flushing_ = false;              // something waits for room in the socket
  std::deque<Group> in_flight_;
  std::deque<std::vector<StoreJob*>> again_;  // those that failed together, as they are sent again
  std::vector<StoreJob*> asked_;
  std::vector<StoreJob*> to_undo_;
  std::vector<StoreJob*> unknown_;  // may have happened: undone, then they fail
  bool is_undoing_ = false;
  bool is_ending_stuck_ = false;
  std::uint64_t blocked_ms_ = 0;  // since then nobody has got the row of the schema; 0: we have
  std::int64_t sent_until_ = 0;   // by us
  Cleaner cleaner_;
  bool is_busy_ = false;  // calls have come since cleaning looked
  bool has_run_ = false;  // a group was done since the last probe
  std::uint64_t looked_ms_ = 0;
  Recovery recovery_;
  Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace ringgate::sql
