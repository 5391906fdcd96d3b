// PostgreSQL's own: a server that goes away, hangs, or does not let us in.
#include "services/store/sql/postgres.h"

#include <libpq-fe.h>

#include "tests/services/store/sql/stores.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class PostgresTest : public StoreTest {
 protected:
  void SetUp() override {}

  void begin_with(const std::string& url, std::uint32_t timeout_ms = 20'000) {
    options_.client.timeout_ms = timeout_ms;
    options_.url = url;
    options_.reconnect_max_ms = 200;
    options_.probe_ms = 100;
    world_.reset();
    world_ = std::make_unique<MessagesWorld>(options_);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, PostgresTest, testing::Values(StoreKind::kPostgres), name_of_kind);

TEST_P(PostgresTest, AServerThatGoesAwayIsDialledAgain) {
  PostgresServer server;
  begin_with(server.url("chat"));
  ASSERT_TRUE(world_->is_well());
  const std::int64_t before = talk("alice", "bob", now_ns_);
  server.stop();
  EXPECT_THAT(world_->problem_with("cannot be reached"),
              AllOf(HasSubstr("the message store postgresql 127.0.0.1:"), HasSubstr("/chat"),
                    Not(HasSubstr("app_secret"))));
  EXPECT_EQ(world_->ask(AckMessages{"kim", "bob", 1}).error(), StoreError::kUnavailable);
  server.start();
  ASSERT_TRUE(world_->is_well());
  EXPECT_THAT(index("bob", -1), ElementsAre(before)) << "what was answered is on the disk";
}

// The server is asked, and hangs: the caller is told in time, and nothing of it is left.
TEST_P(PostgresTest, AServerThatHangsIsGivenUpAndWhatItWasAskedUndone) {
  PostgresServer server;
  begin_with(server.url("chat"), 500);
  ASSERT_TRUE(world_->is_well());
  server.pause();
  const Message said = message("alice", now_ns_);
  EXPECT_EQ(world_->ask(TalkToUser{"kim", "bob", said}).error(), StoreError::kTimeout);
  EXPECT_THAT(world_->problem_with("does not answer"), HasSubstr("no answer within"));
  server.resume();
  ASSERT_TRUE(world_->is_well());
  EXPECT_TRUE(eventually([&] { return world_->thread().calls().in_flight() == 0; }));
  begin_with(options_.url);
  ASSERT_TRUE(world_->is_well());
  EXPECT_THAT(index("bob", -1), IsEmpty());
  EXPECT_THAT(bodies("alice", {said.id}), ElementsAre("-"));
}

TEST_P(PostgresTest, ATalkThatIsTooLateIsUndone) {
  begin_with(postgres().url("late"), 500);
  ASSERT_TRUE(world_->is_well());
  postgres().ask("late",
                 "CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS "
                 "'BEGIN PERFORM pg_sleep(1); RETURN NEW; END'; "
                 "CREATE TRIGGER rest BEFORE INSERT ON message_index FOR EACH ROW "
                 "EXECUTE FUNCTION rest()");
  const Message said = message("alice", now_ns_);
  EXPECT_EQ(world_->ask(TalkToUser{"kim", "bob", said}).error(), StoreError::kTimeout);
  EXPECT_TRUE(eventually([&] { return world_->thread().calls().in_flight() == 0; }));
  EXPECT_GE(world_->thread().calls().late(), 1u);
  EXPECT_EQ(postgres().ask("late", "SELECT count(*) FROM message_content"), "0");
  EXPECT_EQ(postgres().ask("late", "SELECT count(*) FROM message_index"), "0");
}

TEST_P(PostgresTest, AConnectionThatIsCutLosesNothingThatWasAnswered) {
  begin_with(postgres().url("cut"));
  ASSERT_TRUE(world_->is_well());
  std::vector<std::int64_t> answered;
  std::vector<std::int64_t> refused;
  for (int round = 0; round < 5; ++round) {
    std::vector<std::pair<std::int64_t, std::future<StoreResult<TalkToUser::Answer>>>> all;
    for (int i = 0; i < 200; ++i) {
      const Message said = message("alice", now_ns_);
      all.emplace_back(said.id, world_->begin(TalkToUser{"kim", "bob", said}));
      if (i != 100) continue;
      postgres().ask("postgres",
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                     "datname = 'cut' AND application_name = 'ringgate'");
    }
    for (auto& [id, done] : all) (done.get() ? answered : refused).push_back(id);
    ASSERT_TRUE(world_->is_well());
  }
  EXPECT_FALSE(answered.empty());
  std::ranges::sort(answered);
  EXPECT_EQ(index("bob", -1), answered) << refused.size() << " were refused";
}

TEST_P(PostgresTest, AWrongPasswordIsSaidAndNotShown) {
  std::string url = postgres().url("denied");
  url.replace(url.find("app_secret"), 10, "not_that_one");
  begin_with(url);
  EXPECT_THAT(world_->problem_with("does not let us in"), Not(HasSubstr("not_that_one")));
}

TEST_P(PostgresTest, ANewerSchemaIsNotTouched) {
  begin_with(postgres().url("newer"));
  ASSERT_TRUE(world_->is_well());
  world_.reset();
  postgres().ask("newer", "UPDATE ringgate_schema SET version = 4711");
  begin_with(options_.url);
  EXPECT_THAT(world_->problem_with("has tables that are not ours to use"),
              HasSubstr("version 4711"));
  EXPECT_THAT(check_message_store(options_.url).error().message, HasSubstr("version 4711"));
  postgres().ask("newer", "UPDATE ringgate_schema SET version = 2");
  EXPECT_TRUE(world_->is_well());
}

TEST_P(PostgresTest, ACheckMissesNoTable) {
  const std::string url = postgres().url("lacking");
  ASSERT_TRUE(migrate_message_store(url));
  ASSERT_TRUE(check_message_store(url));
  postgres().ask("lacking", "ALTER TABLE message_ack RENAME COLUMN send_time TO other");
  EXPECT_THAT(check_message_store(url).error().message, HasSubstr("in message_ack: "));
  postgres().ask("lacking", "DROP TABLE group_member");
  EXPECT_THAT(check_message_store(url).error().message,
              HasSubstr("in message_ack, group_member: "));
  EXPECT_FALSE(migrate_message_store(url));
  begin_with(url);
  EXPECT_THAT(world_->problem_with("has tables that are not ours to use"),
              HasSubstr("group_member"));
}

// Sessions of services write whatever the default of the database is, so that the check does.
TEST_P(PostgresTest, ADatabaseThatIsReadOnlyByDefaultIsWrittenTo) {
  const std::string url = postgres().url("by_default");
  ASSERT_TRUE(migrate_message_store(url));
  postgres().ask("by_default", "ALTER DATABASE by_default SET default_transaction_read_only = on");
  begin_with(url);
  EXPECT_TRUE(world_->is_well());
  const auto checked = check_message_store(url);
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_P(PostgresTest, WhatFailedHasToBeDoneBeforeItIsOver) {
  begin_with(postgres().url("forbidden"));
  ASSERT_TRUE(world_->is_well());
  postgres().ask("forbidden",
                 "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS "
                 "'BEGIN INSERT INTO nowhere VALUES (1); RETURN NEW; END'; "
                 "CREATE TRIGGER stop BEFORE INSERT ON message_index FOR EACH ROW "
                 "EXECUTE FUNCTION stop()");
  EXPECT_FALSE(world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_)}));
  EXPECT_FALSE(world_->health().is_well());
  // It is dialled again, tried, and fails again; meanwhile it is never said to be well.
  const auto begun = world_->health().problem();
  for (int i = 0; i < 5; ++i) {
    const auto again = world_->ask(TalkToUser{"kim", "bob", message("alice", now_ns_)});
    EXPECT_FALSE(again);
    EXPECT_FALSE(world_->health().is_well());
  }
  EXPECT_TRUE(begun);
  postgres().ask("forbidden", "DROP TRIGGER stop ON message_index");
  EXPECT_TRUE(world_->is_well()) << "though nobody talks";
  EXPECT_EQ(postgres().ask("forbidden", "SELECT count(*) FROM message_content"), "0");
  talk("alice", "bob", now_ns_);
}

// Others may have theirs beside ours, but none of our names.
TEST_P(PostgresTest, TablesOfSomebodyElseAreNotTouched) {
  const std::string url = postgres().url("taken");
  postgres().ask("taken", "CREATE TABLE orders (id bigint)");
  EXPECT_EQ(check_message_store(url)->version, 0);
  postgres().ask("taken", "CREATE TABLE chat_group (id bigint)");
  for (const auto& refused : {check_message_store(url), migrate_message_store(url)}) {
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("somebody else's"), HasSubstr("of their own")));
  }
  begin_with(url);
  EXPECT_THAT(world_->problem_with("has tables that are not ours to use"),
              HasSubstr("somebody else's"));
  postgres().ask("taken", "DROP TABLE chat_group");
  EXPECT_TRUE(world_->is_well());
}

TEST_P(PostgresTest, ManyMayStartAtOnce) {
  const std::string url = postgres().url("many");
  EXPECT_EQ(check_message_store(url)->version, 0);
  std::vector<std::thread> all;
  std::atomic<int> failed{0};
  for (int i = 0; i < 8; ++i) {
    all.emplace_back([&] {
      const auto done = migrate_message_store(url);
      if (!done && failed.fetch_add(1) == 0) ADD_FAILURE() << done.error().message;
    });
  }
  for (std::thread& one : all) one.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_EQ(check_message_store(url)->version, 2);
}

TEST_P(PostgresTest, AnEncodingThatNotEveryNameFitsIsRefused) {
  postgres().ask("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  begin_with(postgres().url("latin"));
  EXPECT_THAT(world_->problem_with("LATIN1"), HasSubstr("create one with UTF8"));
}

// Of a role, say: for sessions that have no bounds of their own. Until its first statement one of
// ours has none either: a busy machine gets to that within a second.
TEST_P(PostgresTest, WhatADatabaseBoundsSessionsByEndsNoneOfOurs) {
  const std::string url = postgres().url("bounded");
  for (const char* setting : {"idle_session_timeout = '1s'", "default_transaction_read_only = on",
                              "idle_in_transaction_session_timeout = '1s'"}) {
    postgres().ask("bounded", std::string("ALTER DATABASE bounded SET ") + setting);
  }
  const Result<MessageStoreReport> migrated = migrate_message_store(url);
  EXPECT_TRUE(migrated) << migrated.error().message;
  const Result<MessageStoreReport> checked = check_message_store(url);
  EXPECT_TRUE(checked) << checked.error().message;
  begin_with(url);
  ASSERT_TRUE(world_->is_well());
  talk("alice", "bob", now_ns_);
  const auto session = [] {
    return postgres().ask("postgres",
                          "SELECT pid FROM pg_stat_activity WHERE datname = 'bounded' "
                          "AND application_name = 'ringgate'");
  };
  const std::string before = session();
  // Two of somebody else's end meanwhile, one after the other.
  for (int i = 0; i < 2; ++i) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> idle(
        PQconnectdb(postgres().url("bounded").c_str()), PQfinish);
    ASSERT_TRUE(eventually([&] { return PQconsumeInput(idle.get()) != 1; }));
  }
  EXPECT_EQ(session(), before);
  EXPECT_TRUE(world_->health().is_well());
}

// A server refuses to set what it does not know.
TEST(PostgresSettings, AreThoseThatTheServerKnows) {
  using sql::settings_at_first;
  using sql::settings_for_calls;
  EXPECT_THAT(settings_at_first(130000), Not(HasSubstr("idle_session_timeout")));
  EXPECT_THAT(settings_at_first(140000), HasSubstr("SET idle_session_timeout = 0"));
  EXPECT_THAT(settings_at_first(160004), Not(HasSubstr("transaction_timeout")));
  EXPECT_THAT(settings_at_first(170000), HasSubstr("SET transaction_timeout = 0"));
  EXPECT_THAT(settings_for_calls(160004), Not(HasSubstr("transaction_timeout")));
  EXPECT_THAT(settings_for_calls(170000), HasSubstr("SET transaction_timeout = '15s'"));
}

// Two services, one database.
TEST_P(PostgresTest, WhatOneStoresTheOtherReads) {
  begin_with(postgres().url("shared"));
  MessagesWorld other(options_);
  ASSERT_TRUE(world_->is_well() && other.is_well());
  const std::int64_t said = talk("alice", "bob", now_ns_);
  const auto entries = other.ask(ReadMessageIndex{"kim", "bob", 0, now_ns_});
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ((*entries)[0].message_id, said);
  EXPECT_TRUE(other.ask(AckMessages{"kim", "bob", said}));
  EXPECT_THAT(index("bob", 0), IsEmpty());
}

}  // namespace
}  // namespace ringgate::test
