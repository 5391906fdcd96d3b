#include "tests/common/free_port.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "control/base/unique_fd.h"
#include "tests/common/made_socket.h"

namespace ringgate::test {
namespace {

std::vector<std::uint16_t> many() {
  std::vector<std::uint16_t> ports(500);  // of 12,000: by chance some would come twice
  for (std::uint16_t& port : ports) port = free_port();
  return ports;
}

TEST(FreePort, CanBeBound) {
  for (const std::uint16_t port : many()) {
    const UniqueFd fd = made_socket(AF_INET, SOCK_STREAM);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
}

TEST(FreePort, IsGivenOnceToTwoProcesses) {
  std::array<int, 2> answers;
  ASSERT_EQ(pipe(answers.data()), 0);
  const pid_t other = fork();
  ASSERT_GE(other, 0);
  if (other == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto ports = many();
    const std::size_t bytes = ports.size() * sizeof ports[0];
    if (write(answers[1], ports.data(), bytes) == static_cast<ssize_t>(bytes)) {
      pause();  // and keeps them
    }
    _exit(1);
  }
  close(answers[1]);
  std::vector<std::uint16_t> given(500);
  const std::size_t bytes = given.size() * sizeof given[0];
  ASSERT_EQ(read(answers[0], given.data(), bytes), static_cast<ssize_t>(bytes));
  close(answers[0]);
  const auto ours = many();
  given.insert(given.end(), ours.begin(), ours.end());
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  std::ranges::sort(given);
  EXPECT_EQ(std::ranges::adjacent_find(given), given.end());
}

}  // namespace
}  // namespace ringgate::test
