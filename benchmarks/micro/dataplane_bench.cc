// Micro-benchmarks of what a message costs the data plane beside its socket: the way over a mailbox
// to another shard, its entry among the outstanding requests, and what is noted of it for
// operators.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/histogram.h"
#include "dataplane/mailbox.h"
#include "services/gateway/recorder/record.h"
#include "services/gateway/upstreams/outstanding.h"

namespace ringgate {
namespace {

constexpr MailKind kKind = 64;
constexpr std::size_t kMailboxBytes = 1 << 20;
constexpr int kBatch = 32;  // messages that become visible together

// False: the mailbox is full.
bool write_message(Mailbox& mailbox, const std::vector<std::uint8_t>& message) {
  std::uint8_t* const room = mailbox.reserve(kKind, message.size(), Urgency::kData);
  if (room == nullptr) return false;
  std::memcpy(room, message.data(), message.size());
  return true;
}

void mailbox_one_thread(benchmark::State& state) {
  Mailbox mailbox(kMailboxBytes);
  const std::vector<std::uint8_t> message(static_cast<std::size_t>(state.range(0)), 'x');
  const auto use = [](MailKind, ByteView bytes) { benchmark::DoNotOptimize(bytes.data()); };
  for (auto _ : state) {
    for (int at = 0; at < kBatch; ++at) benchmark::DoNotOptimize(write_message(mailbox, message));
    benchmark::DoNotOptimize(mailbox.publish());
    benchmark::DoNotOptimize(mailbox.drain(use));
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(mailbox_one_thread)->Arg(64)->Arg(1024);

// Reads until `stop`, and touches what it reads.
void read_until(Mailbox& mailbox, const std::atomic<bool>& stop) {
  const auto use = [](MailKind, ByteView bytes) { benchmark::DoNotOptimize(bytes[0]); };
  while (!stop.load(std::memory_order_relaxed)) {
    if (mailbox.drain(use) == 0) std::this_thread::yield();
  }
}

// The writer's time per message, which is the reader's where the reader is slower: it waits for
// room. Wall time, as the two run side by side.
void mailbox_two_threads(benchmark::State& state) {
  Mailbox mailbox(kMailboxBytes);
  const std::vector<std::uint8_t> message(static_cast<std::size_t>(state.range(0)), 'x');
  std::atomic<bool> stop{false};
  std::thread reader([&] { read_until(mailbox, stop); });
  for (auto _ : state) {
    for (int at = 0; at < kBatch; ++at) {
      while (!write_message(mailbox, message)) {
        mailbox.publish();
        std::this_thread::yield();
      }
    }
    mailbox.publish();
  }
  stop.store(true, std::memory_order_relaxed);
  reader.join();
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(mailbox_two_threads)->Arg(64)->Arg(1024)->UseRealTime();

enum class Order : std::uint8_t { kSequential, kRandom };

// The numbers 0 to count - 1, in the order in which answers come.
std::vector<std::uint32_t> answers(std::uint32_t count, Order order) {
  std::vector<std::uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  if (order == Order::kRandom) {
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937(1));  // the same in every run
  }
  return numbers;
}

// As many requests are outstanding as the table holds; then all are answered. Each of another
// channel.
void outstanding(benchmark::State& state, Order order) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  OutstandingTable table(count);
  const std::vector<std::uint32_t> order_of_answers = answers(count, order);
  for (auto _ : state) {
    for (std::uint32_t number = 0; number < count; ++number) {
      benchmark::DoNotOptimize(table.add(
          {.slot = number, .login = number, .sequence = 7, .command = "chat.user.talk"}, 1));
    }
    for (const std::uint32_t number : order_of_answers) {
      benchmark::DoNotOptimize(table.retire(number, 7));
    }
  }
  if (table.size() != 0) state.SkipWithError("not every request was retired");
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK_CAPTURE(outstanding, sequential, Order::kSequential)->Arg(1024)->Arg(65'536);
BENCHMARK_CAPTURE(outstanding, random, Order::kRandom)->Arg(1024)->Arg(65'536);

// Times between a microsecond and a second, as many of each magnitude.
std::vector<std::uint32_t> times() {
  std::vector<std::uint32_t> all(4096);
  std::mt19937 random(1);
  std::uniform_real_distribution<double> magnitude(0, 6);
  for (std::uint32_t& time : all)
    time = static_cast<std::uint32_t>(std::pow(10, magnitude(random)));
  return all;
}

void histogram_record(benchmark::State& state) {
  Histogram histogram;
  const std::vector<std::uint32_t> all = times();
  std::size_t next = 0;
  for (auto _ : state) histogram.record(all[next++ % all.size()]);
  benchmark::DoNotOptimize(histogram.sum());
}
BENCHMARK(histogram_record);

// Of so many channels in turns: more than a cache holds, where they are many.
void flight_record_add(benchmark::State& state) {
  std::vector<FlightRecord> records(static_cast<std::size_t>(state.range(0)));
  std::size_t next = 0;
  std::uint64_t now_us = 1'000'000;
  for (auto _ : state) {
    Event event(EventKind::kForwarded, 3, 17, 2, 1);
    event.happened_at(++now_us);
    records[next++ % records.size()].add(event);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(flight_record_add)->Arg(64)->Arg(65'536);

}  // namespace
}  // namespace ringgate

BENCHMARK_MAIN();
