#include "control/discovery/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>

#include "control/discovery/json.h"
#include "tests/common/no_more_descriptors.h"
#include "tests/common/temp_dir.h"
#include "tests/common/wait_readable.h"

namespace ringgate {
namespace {

using Lists = std::vector<std::vector<Instance>>;

Instance service(const std::string& id, const std::string& name, std::uint16_t port = 1) {
  return {id, name, "127.0.0.1", port, "tcp", "", {}, {}};
}

class RegistryFile : public testing::Test {
 protected:
  void SetUp() override { file_ = dir_.path() / "services.json"; }

  Result<std::unique_ptr<FileRegistry>> open() {
    return FileRegistry::open(file_,
                              [this](const Error& error) { said_.push_back(error.message); });
  }

  // As editors and deployments do it.
  void replace(const std::string& text) {
    const auto temporary = dir_.write("services.tmp", text);
    std::filesystem::rename(temporary, file_);
  }
  void replace(const std::vector<Instance>& services) { replace(format_services(services)); }

  // Runs the registry until done() holds; false when nothing more comes.
  template <class Done>
  bool run_until(FileRegistry& registry, Done done) {
    while (!done()) {
      if (!test::wait_readable(registry.fd())) return false;
      registry.on_ready();
    }
    return true;
  }

  test::TempDir dir_;
  std::filesystem::path file_;
  std::vector<std::string> said_;
};

TEST_F(RegistryFile, MissingAtStartIsEmptyAndThenFollowed) {
  auto registry = open().value();
  EXPECT_TRUE(registry->find("chat").value().empty());
  EXPECT_FALSE(registry->problem());
  Lists told;
  ASSERT_TRUE(registry->subscribe("chat", [&](const auto& list) { told.push_back(list); }));
  ASSERT_EQ(told, (Lists{{}}));
  replace({service("a", "chat")});
  ASSERT_TRUE(run_until(*registry, [&] { return told.size() == 2; }));
  EXPECT_EQ(told.back(), (std::vector<Instance>{service("a", "chat")}));
}

TEST_F(RegistryFile, StartErrors) {
  dir_.write("services.json", "{oops");
  const auto bad = open();
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("services.json"), std::string::npos);
  EXPECT_FALSE(FileRegistry::open(dir_.path() / "none" / "services.json", nullptr));
  EXPECT_FALSE(FileRegistry::open(dir_.path() / "", nullptr));
  std::filesystem::create_directory(dir_.path() / "folder");
  EXPECT_FALSE(FileRegistry::open(dir_.path() / "folder", nullptr));
}

TEST_F(RegistryFile, FollowsReplacedAndRewrittenFiles) {
  replace({service("a", "chat"), service("l", "login")});
  auto registry = open().value();
  Lists told;
  ASSERT_TRUE(registry->subscribe("chat", [&](const auto& list) { told.push_back(list); }));
  ASSERT_EQ(told.size(), 1U);

  replace({service("a", "chat", 2), service("l", "login")});
  ASSERT_TRUE(run_until(*registry, [&] { return told.size() == 2; }));
  EXPECT_EQ(told.back()[0].port, 2);

  dir_.write("services.json", format_services({service("b", "chat")}));  // In place.
  ASSERT_TRUE(run_until(*registry, [&] { return told.size() == 3; }));
  EXPECT_EQ(told.back()[0].id, "b");

  // A change that does not concern the watched name is not told.
  replace({service("b", "chat"), service("l2", "login")});
  ASSERT_TRUE(run_until(*registry, [&] { return !registry->find("login")->empty(); }));
  EXPECT_EQ(told.size(), 3U);
}

TEST_F(RegistryFile, ABadFileLaterKeepsTheKnownServices) {
  replace({service("a", "chat")});
  auto registry = open().value();
  Lists told;
  ASSERT_TRUE(registry->subscribe("chat", [&](const auto& list) { told.push_back(list); }));

  replace("{\"services\":[{\"id\":\"a\",\"na");
  ASSERT_TRUE(run_until(*registry, [&] { return said_.size() == 1; }));
  EXPECT_NE(said_[0].find("JSON"), std::string::npos) << said_[0];
  EXPECT_TRUE(registry->problem());
  EXPECT_EQ(registry->find("chat")->size(), 1U);
  registry->on_ready();
  EXPECT_EQ(said_.size(), 1U);  // Said once, not at every look.

  std::filesystem::remove(file_);
  ASSERT_TRUE(run_until(*registry, [&] { return said_.size() == 2; }));
  EXPECT_EQ(said_[1], file_.string() + " is gone; put it back") << "what that means is added";
  EXPECT_EQ(registry->find("chat")->size(), 1U);
  EXPECT_EQ(told.size(), 1U);

  replace({service("a", "chat"), service("b", "chat")});
  ASSERT_TRUE(run_until(*registry, [&] { return told.size() == 2; }));
  EXPECT_FALSE(registry->problem());
}

TEST_F(RegistryFile, AWrongEntryIsRefusedAndTheKnownOneOfItsIdStays) {
  replace({service("a", "chat"), service("b", "chat"), service("c", "chat")});
  auto registry = open().value();
  replace(R"({"services":[{"id":"a","name":"chat","address":"127.0.0.1:9582","port":2},
                          {"id":"b","name":"chat","address":"127.0.0.2","port":2},
                          {"id":"new","name":"chat","address":"tcp://127.0.0.1","port":2}]})");
  ASSERT_TRUE(run_until(*registry, [&] { return said_.size() == 2; }));
  EXPECT_NE(said_[0].find("service 1: a: "), std::string::npos) << said_[0];
  EXPECT_NE(said_[0].find("has a port in it"), std::string::npos) << said_[0];
  EXPECT_NE(said_[1].find("service 3: new: "), std::string::npos) << said_[1];
  EXPECT_TRUE(registry->problem());
  Instance moved = service("b", "chat", 2);
  moved.address = "127.0.0.2";
  EXPECT_EQ(registry->find("chat").value(), (std::vector<Instance>{service("a", "chat"), moved}))
      << "a as it was, b as it is, c is gone";
  registry->on_ready();
  EXPECT_EQ(said_.size(), 2U) << "said once";

  replace({service("a", "chat", 3)});
  ASSERT_TRUE(run_until(*registry, [&] { return registry->find("chat")->front().port == 3; }));
  EXPECT_FALSE(registry->problem());
}

TEST_F(RegistryFile, AWrongEntryWithoutAnIdRemovesNobody) {
  replace({service("a", "chat"), service("b", "chat")});
  auto registry = open().value();
  replace(R"({"services":[{"id":"a","name":"chat","address":"127.0.0.1","port":2},
                          {"ID":"b","name":"chat","address":"127.0.0.1","port":2}]})");
  ASSERT_TRUE(run_until(*registry, [&] { return said_.size() == 1; }));
  EXPECT_EQ(registry->find("chat").value(),
            (std::vector<Instance>{service("a", "chat", 2), service("b", "chat")}));
}

TEST_F(RegistryFile, AWrongEntryAtTheStartCostsNobodyElse) {
  replace(R"({"services":[{"id":"a","name":"chat","address":"127.0.0.1","port":2},
                          {"id":"b","name":"chat","address":"a b","port":2}]})");
  auto registry = open().value();
  EXPECT_EQ(registry->find("chat")->size(), 1U);
  EXPECT_EQ(said_.size(), 1U);
}

TEST_F(RegistryFile, WhoRegistersKeepsTheWrongEntriesOfOthersAndReplacesHisOwn) {
  const std::string others = R"({"id":"b","name":"chat","address":"a b","port":2})";
  replace(R"({"services":[{"id":"a","name":"chat","address":"a:1","port":2},)" + others + "]}");
  auto registry = open().value();
  ASSERT_TRUE(registry->register_service(service("a", "chat", 7)));
  const auto stored = read_services(file_).value().value();
  EXPECT_EQ(stored.services, (std::vector<Instance>{service("a", "chat", 7)}));
  ASSERT_EQ(stored.refused.size(), 1U);
  EXPECT_EQ(stored.refused[0].json, others);
}

// By deleting the file, or by an edit of it.
TEST_F(RegistryFile, WhoseEntryIsTakenAwayEntersItAgain) {
  replace({service("by_hand", "chat")});
  auto first = open().value();
  auto second = open().value();
  ASSERT_TRUE(first->register_service(service("a", "chat")));
  ASSERT_TRUE(second->register_service(service("b", "chat")));
  const std::vector<Instance> all = {service("a", "chat"), service("b", "chat"),
                                     service("by_hand", "chat")};
  const auto both_say = [&](const std::vector<Instance>& list) {
    return test::becomes_true([&] {
      first->on_ready();
      second->on_ready();
      const auto stored = read_services(file_).value();
      return stored && stored->services == list && first->find("chat").value() == list &&
             second->find("chat").value() == list;
    });
  };
  ASSERT_TRUE(both_say(all));
  std::filesystem::remove(file_);
  EXPECT_TRUE(both_say(all)) << "also what nobody would enter again";
  replace({service("by_hand", "chat")});
  EXPECT_TRUE(both_say(all));
  replace({service("a", "chat", 9), service("b", "chat")});
  EXPECT_TRUE(both_say({service("a", "chat", 9), service("b", "chat")})) << "replaced is not gone";
  EXPECT_FALSE(first->problem());
}

TEST_F(RegistryFile, WhoHasLeftDoesNotComeBack) {
  auto registry = open().value();
  ASSERT_TRUE(registry->register_service(service("a", "chat")));
  ASSERT_TRUE(registry->register_service(service("b", "chat")));
  registry->on_ready();
  {
    const test::NoMoreDescriptors none;
    EXPECT_FALSE(registry->deregister("a"));
  }
  replace(std::vector<Instance>{});
  ASSERT_TRUE(run_until(*registry, [&] { return registry->find("chat")->size() == 1; }));
  EXPECT_EQ(registry->find("chat")->front().id, "b");
}

// Nothing tells of it when what was in the way of reading is gone: the file has not changed.
TEST_F(RegistryFile, OneThatCouldNotBeReadIsReadAgainUntilItCan) {
  replace({service("a", "chat")});
  auto registry = open().value();
  replace({service("b", "chat")});
  {
    const test::NoMoreDescriptors none;
    while (said_.empty()) {
      ASSERT_TRUE(test::wait_readable(registry->fd()));
      registry->on_ready();
    }
  }
  EXPECT_NE(said_[0].find(strerror(EMFILE)), std::string::npos) << said_[0];
  EXPECT_EQ(registry->find("chat")->front().id, "a");
  ASSERT_TRUE(test::becomes_true([&] {
    registry->on_ready();
    return registry->find("chat")->front().id == "b";
  }));
  EXPECT_FALSE(registry->problem());
}

TEST_F(RegistryFile, AReplacedDirectoryIsFoundAgainWithoutAnEvent) {
  const auto folder = dir_.path() / "folder";
  std::filesystem::create_directory(folder);
  file_ = folder / "services.json";
  dir_.write("folder/services.json", format_services({service("a", "chat")}));
  auto registry = open().value();
  std::filesystem::rename(folder, dir_.path() / "old");
  registry->on_ready();
  EXPECT_TRUE(registry->problem());
  EXPECT_EQ(registry->find("chat")->size(), 1U);
  dir_.write("folder/services.json", format_services({service("b", "chat")}));
  registry->on_ready();
  EXPECT_FALSE(registry->problem());
  EXPECT_EQ(registry->find("chat")->front().id, "b");
  replace({service("c", "chat")});  // And is watched again.
  ASSERT_TRUE(run_until(*registry, [&] { return registry->find("chat")->front().id == "c"; }));
}

TEST_F(RegistryFile, ASymbolicLinkIsFollowed) {
  // The way a mounted configuration changes: the link in the middle is renamed.
  dir_.write("v1/services.json", format_services({service("a", "chat")}));
  dir_.write("v2/services.json", format_services({service("b", "chat")}));
  std::filesystem::create_symlink("v1", dir_.path() / "data");
  std::filesystem::create_symlink("data/services.json", file_);
  auto registry = open().value();
  EXPECT_EQ(registry->find("chat")->front().id, "a");
  std::filesystem::create_symlink("v2", dir_.path() / "data.tmp");
  std::filesystem::rename(dir_.path() / "data.tmp", dir_.path() / "data");
  ASSERT_TRUE(run_until(*registry, [&] { return registry->find("chat")->front().id == "b"; }));

  ASSERT_TRUE(registry->register_service(service("c", "chat")));
  EXPECT_TRUE(std::filesystem::is_symlink(file_));
  EXPECT_EQ(read_services(dir_.path() / "v2" / "services.json").value()->services.size(), 2U);
}

TEST_F(RegistryFile, RegistersReplacesAndRemovesItsOwn) {
  auto registry = open().value();
  ASSERT_TRUE(registry->register_service(service("a", "chat", 7)));
  ASSERT_TRUE(run_until(*registry, [&] { return registry->find("chat")->size() == 1; }));
  ASSERT_EQ(chmod(file_.c_str(), 0640), 0);

  auto other = open().value();
  ASSERT_TRUE(other->register_service(service("b", "chat", 8)));
  ASSERT_TRUE(other->register_service(service("b", "chat", 9)));  // Back on another port.
  EXPECT_EQ(read_services(file_).value()->services,
            (std::vector<Instance>{service("a", "chat", 7), service("b", "chat", 9)}));
  struct stat status{};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);  // The operator's permissions stay.

  const auto stolen = other->register_service(service("a", "login"));
  ASSERT_FALSE(stolen);
  EXPECT_NE(stolen.error().message.find("ServiceID"), std::string::npos);

  ASSERT_TRUE(other->deregister("a"));  // Not its own: stays.
  ASSERT_TRUE(other->deregister("b"));
  ASSERT_TRUE(other->deregister("b"));
  EXPECT_EQ(read_services(file_).value()->services,
            (std::vector<Instance>{service("a", "chat", 7)}));
}

TEST_F(RegistryFile, AStaleProcessDoesNotRemoveItsSuccessor) {
  auto old = open().value();
  auto fresh = open().value();
  ASSERT_TRUE(old->register_service(service("a", "chat", 1)));
  ASSERT_TRUE(fresh->register_service(service("a", "chat", 2)));
  ASSERT_TRUE(old->deregister("a"));
  EXPECT_EQ(read_services(file_).value()->services,
            (std::vector<Instance>{service("a", "chat", 2)}));
}

TEST_F(RegistryFile, RegisterLeavesWhatItCannotReadAlone) {
  auto registry = open().value();
  dir_.write("services.json", "by hand, half done");
  EXPECT_FALSE(registry->register_service(service("a", "chat")));
  std::ifstream stream(file_);
  std::string text;
  std::getline(stream, text);
  EXPECT_EQ(text, "by hand, half done");
}

TEST_F(RegistryFile, TextThatWouldSpoilTheFileIsRefused) {
  auto registry = open().value();
  Instance bad = service("a", "chat");
  bad.zone = "\xff";
  EXPECT_FALSE(registry->register_service(bad));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(RegistryFile, ALockThatIsHeldEndsInAnErrorAndIsTriedAgain) {
  auto registry = open().value();
  const int lock = ::open((file_.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_GE(lock, 0);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  const auto refused = registry->register_service(service("a", "chat"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("locked"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(file_));
  close(lock);
  EXPECT_TRUE(test::becomes_true([&] {
    registry->on_ready();
    return std::filesystem::exists(file_);
  }));
  EXPECT_EQ(read_services(file_).value()->services, (std::vector<Instance>{service("a", "chat")}));
}

// What one process of the race does; its exit status says whether it could.
int register_many(const std::filesystem::path& file, int process, int entries, int start_fd) {
  char byte = 0;
  if (read(start_fd, &byte, 1) < 0) return 1;  // Returns when the parent closes the other end.
  auto registry = FileRegistry::open(file, nullptr);
  if (!registry) return 2;
  for (int i = 0; i < entries; ++i) {
    const std::string id = "s" + std::to_string(process) + "-" + std::to_string(i);
    if (!(*registry)->register_service(service(id, "chat"))) return 3;
    if (i % 4 == 3 && !(*registry)->deregister(id)) return 4;
  }
  return 0;
}

TEST_F(RegistryFile, ProcessesThatRegisterAtTheSameTimeLoseNothing) {
  constexpr int kProcesses = 6;
  constexpr int kEntries = 12;
  int start[2];
  ASSERT_EQ(pipe2(start, O_CLOEXEC), 0);
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(start[1]);
      _exit(register_many(file_, process, kEntries, start[0]));
    }
    children.push_back(child);
  }
  close(start[0]);
  close(start[1]);
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  const auto stored = read_services(file_);
  ASSERT_TRUE(stored) << stored.error().message;
  std::set<std::string> ids;
  for (const Instance& entry : (*stored)->services) ids.insert(entry.id);
  for (int process = 0; process < kProcesses; ++process) {
    for (int i = 0; i < kEntries; ++i) {
      const std::string id = "s" + std::to_string(process) + "-" + std::to_string(i);
      EXPECT_EQ(ids.contains(id), i % 4 != 3) << id;
    }
  }
}

}  // namespace
}  // namespace ringgate
