// SQLite's own: a store with a file, or a disk, that the test changes.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/common/small_disk.h"
#include "tests/services/store/sql/stores.h"

namespace ringgate::test {

class SqliteTest : public StoreTest {
 protected:
  void SetUp() override { options_.client.timeout_ms = 20'000; }

  void begin_with(const std::string& url) {
    options_.url = url;
    options_.reconnect_max_ms = 200;
    options_.probe_ms = 100;
    world_.reset();
    world_ = std::make_unique<MessagesWorld>(options_);
  }
  [[nodiscard]] std::string file() const { return (folder_.path() / "messages.db").string(); }
  // A disk of its own; gone with the test.
  [[nodiscard]] bool mount_disk(unsigned long flags, const char* options) {
    disk_.emplace(folder_.path(), options, flags);
    return disk_->is_there();
  }
  // So often something of the store has failed.
  [[nodiscard]] double errors() {
    MetricsSnapshot metrics;
    world_->health().collect(metrics, "s");
    double all = 0;
    for (const auto& family : metrics.take()) {
      if (family.name != "ringgate_store_errors_total") continue;
      for (const auto& series : family.metric) all += series.counter.value;
    }
    return all;
  }
  // It fails again and again, and never is that said to be over.
  void expect_one_episode() {
    const double before = errors();
    ASSERT_TRUE(eventually([&] { return errors() >= before + 4 || world_->health().is_well(); }));
    EXPECT_FALSE(world_->health().is_well());
  }
  void TearDown() override {
    world_.reset();
    disk_.reset();
  }

 private:
  std::optional<SmallDisk> disk_;
};

inline void change(const std::string& file, const char* statement) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  sqlite3_busy_timeout(database, 5'000);
  EXPECT_EQ(sqlite3_exec(database, statement, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

}  // namespace ringgate::test
