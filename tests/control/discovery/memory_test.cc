#include "control/discovery/memory.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/common/wait_readable.h"

namespace ringgate {
namespace {

using Lists = std::vector<std::vector<Instance>>;

Instance service(const std::string& id, const std::string& name, std::uint16_t port = 1) {
  return {id, name, "127.0.0.1", port, "tcp", "", {}, {}};
}

class RegistryMemory : public testing::Test {
 protected:
  std::unique_ptr<MemoryRegistry> open() { return MemoryRegistry::open(directory_).value(); }

  std::shared_ptr<MemoryDirectory> directory_ = std::make_shared<MemoryDirectory>();
};

TEST_F(RegistryMemory, FindsByNameSortedById) {
  const auto registry = open();
  ASSERT_TRUE(registry->register_service(service("b", "chat")));
  ASSERT_TRUE(registry->register_service(service("a", "chat")));
  ASSERT_TRUE(registry->register_service(service("c", "login")));
  EXPECT_EQ(registry->find("chat").value(),
            (std::vector<Instance>{service("a", "chat"), service("b", "chat")}));
  EXPECT_TRUE(registry->find("none").value().empty());
  EXPECT_FALSE(registry->register_service(service("a,b", "chat")));
  EXPECT_FALSE(registry->register_service(service("a", "chat", 0)));
}

TEST_F(RegistryMemory, TellsEveryoneWhatIsThereAndWhatChanges) {
  const auto writer = open();
  const auto reader = open();
  ASSERT_TRUE(writer->register_service(service("a", "chat")));
  Lists told;
  ASSERT_TRUE(reader->subscribe("chat", [&](const auto& list) { told.push_back(list); }));
  ASSERT_EQ(told, (Lists{{service("a", "chat")}}));  // At once.

  ASSERT_TRUE(writer->register_service(service("b", "chat")));
  ASSERT_TRUE(test::wait_readable(reader->fd()));
  reader->on_ready();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told.back().size(), 2U);
  EXPECT_FALSE(test::wait_readable(reader->fd(), 0));

  ASSERT_TRUE(writer->register_service(service("c", "login")));  // Not watched.
  reader->on_ready();
  EXPECT_EQ(told.size(), 2U);

  ASSERT_TRUE(writer->register_service(service("a", "chat", 9)));  // Moved.
  ASSERT_TRUE(writer->deregister("b"));
  reader->on_ready();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told.back(), (std::vector<Instance>{service("a", "chat", 9)}));

  reader->unsubscribe("chat");
  ASSERT_TRUE(writer->deregister("a"));
  ASSERT_TRUE(writer->deregister("a"));  // Twice is no error.
  reader->on_ready();
  EXPECT_EQ(told.size(), 3U);
}

TEST_F(RegistryMemory, WatchersMayChangeSubscriptions) {
  const auto registry = open();
  int first = 0;
  int second = 0;
  const auto ignore = [](const std::vector<Instance>&) {};
  ASSERT_TRUE(registry->subscribe("b", [&](const std::vector<Instance>&) { ++second; }));
  ASSERT_TRUE(registry->subscribe("a", [&](const std::vector<Instance>& list) {
    if (list.empty()) return;
    ++first;
    registry->unsubscribe("a");
    registry->unsubscribe("b");
    ASSERT_TRUE(registry->subscribe("c", ignore));
  }));
  ASSERT_TRUE(registry->register_service(service("1", "a")));
  ASSERT_TRUE(registry->register_service(service("2", "b")));
  registry->on_ready();
  registry->on_ready();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);  // The list at subscription, and nothing after it was removed.
}

TEST_F(RegistryMemory, ThreadsMayShareTheDirectory) {
  constexpr int kServices = 200;
  const auto reader = open();
  std::size_t known = 0;
  ASSERT_TRUE(reader->subscribe("chat", [&](const auto& list) { known = list.size(); }));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([this, writer] {
      const auto mine = open();
      for (int i = 0; i < kServices; ++i) {
        const std::string id = std::to_string(writer) + "-" + std::to_string(i);
        EXPECT_TRUE(mine->register_service(service(id, "chat")));
      }
    });
  }
  while (known < 2 * kServices) {
    ASSERT_TRUE(test::wait_readable(reader->fd()));
    reader->on_ready();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(known, 2U * kServices);
}

}  // namespace
}  // namespace ringgate
