// bare_echo: runs the floor of a ping (echo_server.h) until SIGINT or SIGTERM.
#include <fmt/format.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "benchmarks/floors/echo_server.h"

namespace ringgate::bench {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int) {
  stop_requested = 1;
}

void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = request_stop;  // no SA_RESTART: the wait is to end
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int serve(const std::string& listen, int cpu) {
  if (cpu >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<unsigned>(cpu), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
      fmt::print(stderr, "bare_echo: may not run on CPU {}: choose another --cpu\n", cpu);
      return 2;
    }
  }
  stop_on_signals();
  EchoServer server;
  if (auto opened = server.open(listen); !opened) {
    fmt::print(stderr, "bare_echo: {}\n", opened.error().message);
    return 1;
  }
  fmt::print("listening tcp {}\n", server.listening_on());
  std::fflush(stdout);
  if (const int error = server.run(stop_requested); error != 0) {
    fmt::print(stderr, "bare_echo: waiting on the ring failed: {}\n", std::strerror(-error));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  CLI::App app{"The floor of a ping: answers every 13 bytes with 13 bytes, over io_uring."};
  std::string listen = "127.0.0.1:0";
  int cpu = -1;
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--cpu", cpu, "run on this CPU only")->check(CLI::Range(0, 1023));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return ringgate::bench::serve(listen, cpu);
}
