// PostgreSQL with several chats: one that stops within a transaction must not stop the others.
#include <libpq-fe.h>

#include "tests/services/store/sql/stores.h"

namespace ringgate::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A session that has claimed send times, as the first statement of a transaction, and says nothing
// more: what the server sees of a chat that is stopped, or cut off, at that moment.
class StoppedChat {
 public:
  StoppedChat(const std::string& url, const char* application)
      : connection_(PQconnectdb((url + "?application_name=" + application).c_str())) {
    PQenterPipelineMode(connection_);
    PQsendQueryParams(connection_, "UPDATE ringgate_schema SET send_shift = 0", 0, nullptr, nullptr,
                      nullptr, nullptr, 0);
    PQsendFlushRequest(connection_);
    PQflush(connection_);
    PGresult* const claimed = PQgetResult(connection_);
    has_claimed_ = PQresultStatus(claimed) == PGRES_COMMAND_OK;
    PQclear(claimed);
  }
  ~StoppedChat() { PQfinish(connection_); }
  StoppedChat(const StoppedChat&) = delete;
  StoppedChat& operator=(const StoppedChat&) = delete;

  [[nodiscard]] bool has_claimed() const { return has_claimed_; }
  // It goes on: whether what it had begun is done.
  [[nodiscard]] bool commits() const {
    if (PQpipelineSync(connection_) != 1) return false;
    bool is_done = false;
    while (PQstatus(connection_) == CONNECTION_OK && !is_done) {
      PGresult* const result = PQgetResult(connection_);
      is_done = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
      PQclear(result);
    }
    return is_done;
  }

 private:
  PGconn* connection_;
  bool has_claimed_ = false;
};

class PostgresLocksTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.client.timeout_ms = 20'000;
    options_.url = url();
    options_.reconnect_max_ms = 100;
    options_.probe_ms = 100;
    open();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, PostgresLocksTest, testing::Values(StoreKind::kPostgres),
                         name_of_kind);

TEST_P(PostgresLocksTest, AChatThatStopsWithinATransactionDoesNotStopTheOthers) {
  const StoppedChat stopped(options_.url, "ringgate");
  ASSERT_TRUE(stopped.has_claimed());
  const std::int64_t said = talk("alice", "bob", now_ns_);
  EXPECT_THAT(index("bob", 0), ElementsAre(said));
  EXPECT_TRUE(world_->health().is_well());
  EXPECT_FALSE(stopped.commits()) << "what it had begun has not happened";
}

TEST_P(PostgresLocksTest, NobodyHasToTalkForAStoppedChatToBeEnded) {
  const StoppedChat stopped(options_.url, "ringgate");
  ASSERT_TRUE(stopped.has_claimed());
  const std::string still_there =
      "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname = "
      "'" +
      options_.url.substr(options_.url.rfind('/') + 1) + "'";
  EXPECT_TRUE(eventually([&] { return postgres().ask("postgres", still_there) == "0"; }));
  EXPECT_TRUE(world_->health().is_well());
}

TEST_P(PostgresLocksTest, ATableThatIsLockedForAWhileOnlyDelaysTalks) {
  const std::string database = options_.url.substr(options_.url.rfind('/') + 1);
  std::thread holder([&] {
    postgres().ask(database,
                   "BEGIN; LOCK TABLE message_content IN ACCESS EXCLUSIVE MODE; "
                   "SELECT pg_sleep(1.5); COMMIT");
  });
  ASSERT_TRUE(eventually([&] {
    return postgres().ask(database,
                          "SELECT count(*) FROM pg_locks WHERE granted AND mode = "
                          "'AccessExclusiveLock' AND relation = "
                          "'message_content'::regclass") == "1";
  }));
  const std::int64_t said = talk("alice", "bob", now_ns_);
  holder.join();
  EXPECT_THAT(index("bob", 0), ElementsAre(said));
  EXPECT_TRUE(world_->health().is_well());
}

// Whose session that is, we do not know: it is not ended, but said.
TEST_P(PostgresLocksTest, ASessionOfSomebodyElseIsNotEndedButIsAnIllness) {
  {
    const StoppedChat other(options_.url, "somebody");
    ASSERT_TRUE(other.has_claimed());
    auto waiting = world_->begin(TalkToUser{"kim", "bob", message("alice", now_ns_)});
    EXPECT_THAT(world_->problem_with("keeps the row"), HasSubstr("pg_stat_activity"));
    EXPECT_FALSE(waiting.get());
    EXPECT_FALSE(world_->health().is_well());
    EXPECT_TRUE(other.commits());
  }
  EXPECT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
}

}  // namespace
}  // namespace ringgate::test
