// A sandbox that allows io_uring not at all, or only a part of it: shards run on epoll there; who
// insists on io_uring gets a sentence and exit code 1, and so does the doctor's user; never a
// signal.
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <thread>

#include "tests/integration/command_run.h"
#include "tests/integration/packets.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// For this thread, and for the processes that it starts.
void forbid(unsigned system_call, unsigned error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, system_call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

struct Forbidden {
  const char* name;
  unsigned system_call;
  unsigned error;
};
class Seccomp : public testing::TestWithParam<Forbidden> {
 protected:
  Seccomp() { unsetenv("RINGGATE_RING"); }  // it would win over what is configured here

  static Ended run_without(const std::vector<std::string>& arguments) {
    Ended ended;
    std::thread thread([&] {
      forbid(GetParam().system_call, GetParam().error);
      ended = run(arguments);
    });
    thread.join();
    return ended;
  }
};

// In the thread that has the filter: its processes end with it.
void talk_over_epoll() {
  const World world;
  const Server chat(world, "chat", "chat01", {{"MemorySessions", "true"}, {"Ring", "auto"}});
  Server gateway(world, "gateway", "g1", {{"Routes", "{login: chat}"}, {"Ring", "auto"}});
  gateway.process().wait_for_line("shards run on epoll, where a message costs more: ");
  EXPECT_EQ(gateway.metric("ringgate_ring_info", "epoll"), 1);
  EXPECT_EQ(chat.metric("ringgate_ring_info", "epoll"), 1);
  wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
  EXPECT_THAT(gateway.get("/ready").body, HasSubstr("\nwarning: shards run on epoll, "));
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  alice.send(talk("bob", "hello", 2));
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().sender(), "alice");
}

TEST_P(Seccomp, ShardsRunOnEpoll) {
  std::thread([] {
    forbid(GetParam().system_call, GetParam().error);
    talk_over_epoll();
  }).join();
}

TEST_P(Seccomp, AGatewayThatIsToHaveIoUringEndsWithASentence) {
  const World world;
  const Ended ended =
      run_without({"gateway", "-c", world.config("gateway", "g1", {{"Ring", "io_uring"}})});
  EXPECT_EQ(ended.code, 1) << ended.output;
  expect_one_line(ended);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("io_uring"), HasSubstr("seccomp profile")));
}

TEST_P(Seccomp, TheDoctorSaysSo) {
  const Ended ended = run_without({"doctor"});
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("FAIL"), HasSubstr("seccomp profile")));
}

INSTANTIATE_TEST_SUITE_P(Calls, Seccomp,
                         testing::Values(Forbidden{"EnterEperm", SYS_io_uring_enter, EPERM},
                                         Forbidden{"EnterEnosys", SYS_io_uring_enter, ENOSYS},
                                         Forbidden{"Register", SYS_io_uring_register, EPERM},
                                         Forbidden{"Setup", SYS_io_uring_setup, EPERM}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace ringgate::test
