#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "services/doctor/checks.h"
#include "services/doctor/readings.h"
#include "services/doctor/report.h"

namespace ringgate::doctor {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Readings healthy() {
  Readings readings;
  readings.kernel_release = "6.1.0-18-amd64";
  readings.ring.opcodes.set();
  readings.nofile_soft = 20'000;
  readings.nofile_hard = 20'000;
  readings.memlock_bytes = 8 * 1024 * 1024;
  readings.memory_available_bytes = 24ULL << 30;
  readings.somaxconn = 4096;
  readings.tcp_max_syn_backlog = 2048;
  readings.tcp_mem = TcpMemory{287'901, 383'868, 575'802};
  readings.file_max = 2'466'177;
  readings.nr_open = 1'048'576;
  readings.local_ports = PortRange{32'768, 60'999};
  readings.cpus = 2;
  readings.ports = {{8001, 0}};
  return readings;
}

void expect_mend(const Finding& finding, Verdict verdict, const std::string& mend) {
  EXPECT_EQ(finding.verdict, verdict) << finding.found;
  EXPECT_THAT(finding.mend, HasSubstr(mend));
}

TEST(Doctor, FindsNothingOnAHealthyMachine) {
  for (const Finding& finding : examine(healthy(), {})) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.name << ": " << finding.found;
    EXPECT_THAT(finding.mend, IsEmpty());
    EXPECT_THAT(finding.found, Not(IsEmpty()));
  }
}

TEST(Doctor, KnowsKernelVersions) {
  Readings readings = healthy();
  for (const char* good : {"6.1", "6.1.0-18-amd64", "6.10.3", "6.18.44-fc", "7.0-rc1", "10.0.0"}) {
    readings.kernel_release = good;
    EXPECT_EQ(check_kernel(readings).verdict, Verdict::kOk) << good;
  }
  for (const char* bad : {"6.0.19", "5.15.0", "4.9", "6", "", "nonsense"}) {
    readings.kernel_release = bad;
    expect_mend(check_kernel(readings), Verdict::kFail, "6.1");
  }
}

TEST(Doctor, ReadsTheSysctlThatForbidsRings) {
  Readings readings = healthy();
  readings.io_uring_disabled = 0;
  EXPECT_EQ(check_io_uring_allowed(readings).verdict, Verdict::kOk);
  readings.io_uring_disabled = 2;
  expect_mend(check_io_uring_allowed(readings), Verdict::kFail, "kernel.io_uring_disabled=0");
  readings.io_uring_disabled = 1;  // only the privileged: is that us?
  EXPECT_EQ(check_io_uring_allowed(readings).verdict, Verdict::kOk);
  readings.ring.setup_errno = EPERM;
  EXPECT_EQ(check_io_uring_allowed(readings).verdict, Verdict::kFail);
}

TEST(Doctor, SaysWhyThereIsNoRing) {
  Readings readings = healthy();
  readings.ring = {.setup_errno = EPERM, .opcodes = {}, .buffer_ring_errno = 0, .shard_error = {}};
  expect_mend(check_ring_setup(readings), Verdict::kFail, "seccomp");
  EXPECT_EQ(check_ring_operations(readings).verdict, Verdict::kFail);
  EXPECT_EQ(check_provided_buffers(readings).verdict, Verdict::kFail);
  readings.ring.setup_errno = EINVAL;
  expect_mend(check_ring_setup(readings), Verdict::kFail, "6.1");
  readings.ring.setup_errno = ENOSYS;
  expect_mend(check_ring_setup(readings), Verdict::kFail, "CONFIG_IO_URING");
}

TEST(Doctor, SaysWhatTheRingOfAShardSays) {
  Readings readings = healthy();
  readings.ring.shard_error = "io_uring_enter fails: Operation not permitted; allow it";
  expect_mend(check_shard_ring(readings), Verdict::kFail, "allow it");
  EXPECT_EQ(check_shard_ring(readings).found, "io_uring_enter fails: Operation not permitted");
  readings.ring.shard_error = "something else";
  expect_mend(check_shard_ring(readings), Verdict::kFail, "mend");
}

TEST(Doctor, NamesMissingOperations) {
  Readings readings = healthy();
  readings.ring.opcodes.reset(IORING_OP_SHUTDOWN);
  readings.ring.opcodes.reset(IORING_OP_ACCEPT);
  const Finding finding = check_ring_operations(readings);
  EXPECT_EQ(finding.verdict, Verdict::kFail);
  EXPECT_THAT(finding.found, HasSubstr("ACCEPT, SHUTDOWN"));
  readings = healthy();
  readings.ring.buffer_ring_errno = EINVAL;
  EXPECT_EQ(check_provided_buffers(readings).verdict, Verdict::kFail);
}

TEST(Doctor, CountsShardsAgainstOpenFiles) {
  Readings readings = healthy();
  EXPECT_EQ(check_open_files(readings, {.connections = 40'000}).verdict, Verdict::kOk);
  expect_mend(check_open_files(readings, {.connections = 40'001}), Verdict::kWarn, "`Shards: 3`");
  expect_mend(check_open_files(readings, {.connections = 1'000'000}), Verdict::kWarn,
              "`Shards: 50`");
  expect_mend(check_open_files(readings, {.connections = 1'000'000}), Verdict::kWarn, "500000");
  readings.nofile_soft = 1024;
  EXPECT_EQ(check_open_files(readings, {}).verdict, Verdict::kOk) << "it is raised at start";
  readings.nofile_hard = 1024;
  EXPECT_EQ(check_open_files(readings, {.connections = 1'000'000}).verdict, Verdict::kFail);
}

// What shards a limit lets run that cannot stay is of no use: neither is their memory.
TEST(Doctor, SaysWhatALimitOfFewOpenFilesLetsRun) {
  Readings readings = healthy();
  readings.nofile_soft = readings.nofile_hard = 64;
  const Finding finding = check_open_files(readings, {});
  expect_mend(finding, Verdict::kFail, "`ulimit -n 5000`");
  EXPECT_THAT(finding.found, HasSubstr("each of 2 shards hold 64 connections"));
  EXPECT_THAT(check_locked_memory(readings, {}).found, HasSubstr("the rings of 2 shards"));
  readings.nofile_soft = readings.nofile_hard = 0;
  expect_mend(check_open_files(readings, {.connections = 100}), Verdict::kFail, "`ulimit -n 1024`");
  expect_mend(check_port({8001, EMFILE}, {}), Verdict::kWarn, "ulimit -n");
}

TEST(Doctor, ComparesThreadsOfTheUser) {
  Readings readings = healthy();
  EXPECT_EQ(check_threads(readings, {}).verdict, Verdict::kOk) << "root has no such limit";
  readings.threads_soft = 114;
  readings.threads_used = 100;
  EXPECT_EQ(check_threads(readings, {}).verdict, Verdict::kOk);
  readings.threads_used = 101;
  expect_mend(check_threads(readings, {}), Verdict::kFail, "`ulimit -u 230`");
  readings.threads_used.reset();
  readings.threads_soft = 13;
  expect_mend(check_threads(readings, {}), Verdict::kFail, "ulimit -u");
}

TEST(Doctor, ComparesFilesOfTheSystem) {
  Readings readings = healthy();
  readings.file_max = 100'000;
  EXPECT_EQ(check_system_files(readings, {.connections = 99'000}).verdict, Verdict::kOk);
  expect_mend(check_system_files(readings, {.connections = 100'000}), Verdict::kFail,
              "fs.file-max=");
  readings.nr_open = 20'000;
  EXPECT_EQ(check_open_files_ceiling(readings, {.connections = 40'000}).verdict, Verdict::kOk);
  expect_mend(check_open_files_ceiling(readings, {.connections = 100'000}), Verdict::kWarn,
              "fs.nr_open=50000");
}

TEST(Doctor, ComparesMemory) {
  Readings readings = healthy();
  readings.memory_available_bytes = 4928ULL * 1000;
  EXPECT_EQ(check_memory(readings, {.connections = 500}).verdict, Verdict::kOk);
  EXPECT_EQ(check_memory(readings, {.connections = 501}).verdict, Verdict::kWarn);
  expect_mend(check_memory(readings, {.connections = 1001}), Verdict::kFail,
              "at most 1000 connections");
}

TEST(Doctor, WantsNoLimitOfTheAddressSpace) {
  Readings readings = healthy();
  EXPECT_EQ(check_address_space(readings, {}).verdict, Verdict::kOk);
  readings.address_space_bytes = 50'000ULL * 1024;
  expect_mend(check_address_space(readings, {}), Verdict::kFail, "ulimit -v");
  EXPECT_THAT(check_address_space(readings, {}).found, HasSubstr("50000 KiB"));
  readings.address_space_bytes = 4'000'000ULL * 1024;
  expect_mend(check_address_space(readings, {}), Verdict::kWarn, "ulimit -v");
  readings.cpus = 256;
  EXPECT_EQ(check_address_space(readings, {}).verdict, Verdict::kFail) << "each shard takes some";
  readings.cpus = 2;
  readings.stack_bytes = 1ULL << 30U;
  EXPECT_EQ(check_address_space(readings, {}).verdict, Verdict::kFail)
      << "each thread's stack, too";
}

// The queues of the ring of a shard with 5,000 clients: 512 entries of 68 bytes, 4,096 completions
// and 4,352 buffers of 16 bytes each.
TEST(Doctor, CountsLockedMemoryForEveryShard) {
  constexpr std::uint64_t kRing = 512 * 68 + (4096 + 4096 + 256) * 16;
  Readings readings = healthy();
  readings.memlock_bytes = 2 * kRing;
  EXPECT_EQ(check_locked_memory(readings, {}).verdict, Verdict::kOk);
  readings.memlock_bytes -= 1;
  expect_mend(check_locked_memory(readings, {}), Verdict::kWarn, "ulimit -l 332");
  EXPECT_THAT(check_locked_memory(readings, {}).found, HasSubstr("2 shards"));
  readings.memlock_bytes = 2 * kRing;
  expect_mend(check_locked_memory(readings, {.connections = 40'001}), Verdict::kWarn, "ulimit -l");
  readings.memlock_bytes = UINT64_MAX;
  EXPECT_EQ(check_locked_memory(readings, {.connections = 1'000'000}).verdict, Verdict::kOk);
}

TEST(Doctor, ComparesSysctlsOfTheNetwork) {
  Readings readings = healthy();
  readings.somaxconn = 128;
  EXPECT_EQ(check_accept_queue(readings, {.connections = 100}).verdict, Verdict::kOk);
  expect_mend(check_accept_queue(readings, {}), Verdict::kWarn, "net.core.somaxconn=1024");
  readings.tcp_max_syn_backlog = 2048;
  expect_mend(check_syn_backlog(readings, {.connections = 1'000'000}), Verdict::kWarn,
              "net.ipv4.tcp_max_syn_backlog=4096");
  readings.tcp_mem = TcpMemory{100, 999, 2000};
  EXPECT_EQ(check_tcp_memory(readings, {.connections = 9'990}).verdict, Verdict::kOk);
  expect_mend(check_tcp_memory(readings, {.connections = 9'991}), Verdict::kWarn,
              "net.ipv4.tcp_mem='1000 2000 4000'");
  EXPECT_EQ(check_local_ports(readings, {.connections = 28'232}).verdict, Verdict::kOk);
  expect_mend(check_local_ports(readings, {.connections = 28'233}), Verdict::kWarn,
              "2 source addresses");
}

TEST(Doctor, AnAddressOfAnotherMachineIsNamedAsThat) {
  expect_mend(check_port({8001, EADDRNOTAVAIL}, {.ports_required = true}), Verdict::kFail,
              "has no such address");
}

TEST(Doctor, TakenPortsMatterWhenTheyWereAskedFor) {
  EXPECT_EQ(check_port({8001, EADDRINUSE}, {}).verdict, Verdict::kWarn);
  expect_mend(check_port({8001, EADDRINUSE}, {.ports_required = true}), Verdict::kFail, "8001");
  expect_mend(check_port({80, EACCES}, {.ports_required = true}), Verdict::kFail,
              "CAP_NET_BIND_SERVICE");
}

TEST(Doctor, WarnsAboutWhatItCannotRead) {
  Readings readings = healthy();
  readings.somaxconn.reset();
  readings.tcp_max_syn_backlog.reset();
  readings.tcp_mem.reset();
  readings.file_max.reset();
  readings.nr_open.reset();
  readings.local_ports.reset();
  readings.memory_available_bytes.reset();
  int warnings = 0;
  for (const Finding& finding : examine(readings, {})) {
    if (finding.verdict != Verdict::kOk) ++warnings;
    EXPECT_NE(finding.verdict, Verdict::kFail) << finding.name;
  }
  EXPECT_EQ(warnings, 7);
}

TEST(Doctor, PrintsLinesAndJson) {
  const std::vector<Finding> findings = {{Verdict::kOk, "kernel", "Linux 6.1", ""},
                                         {Verdict::kFail, "memory", "\"little\"", "buy some"}};
  EXPECT_EQ(format_findings(findings),
            "ok    kernel                     Linux 6.1\n"
            "FAIL  memory                     \"little\"\n"
            "                                 -> buy some\n");
  EXPECT_EQ(format_findings_json(findings),
            "[\n"
            R"(  {"verdict": "ok", "name": "kernel", "found": "Linux 6.1", "mend": ""},)"
            "\n"
            R"(  {"verdict": "FAIL", "name": "memory", "found": "\"little\"", "mend": "buy some"})"
            "\n]\n");
}

TEST(Readings, SeesAPortThatIsTaken) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(fd, generic, length), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  ASSERT_EQ(getsockname(fd, generic, &length), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  const Readings readings = take_readings({port});
  ASSERT_EQ(readings.ports.size(), 1U);
  EXPECT_EQ(readings.ports[0].bind_errno, EADDRINUSE);
  close(fd);
}

TEST(Readings, ReadsThisMachine) {
  const Readings readings = take_readings({});
  EXPECT_THAT(readings.kernel_release, Not(IsEmpty()));
  EXPECT_GT(readings.nofile_soft, 0U);
  EXPECT_GT(readings.cpus, 0U);
  EXPECT_TRUE(readings.memory_available_bytes.has_value());
  EXPECT_TRUE(readings.file_max.has_value());
  // Whatever else is tested here needs a ring, so there has to be one.
  EXPECT_EQ(check_ring_setup(readings).verdict, Verdict::kOk);
  EXPECT_EQ(check_ring_operations(readings).verdict, Verdict::kOk)
      << check_ring_operations(readings).found;
  EXPECT_EQ(check_provided_buffers(readings).verdict, Verdict::kOk)
      << check_provided_buffers(readings).found;
  EXPECT_EQ(check_shard_ring(readings).verdict, Verdict::kOk) << readings.ring.shard_error;
}

}  // namespace
}  // namespace ringgate::doctor
