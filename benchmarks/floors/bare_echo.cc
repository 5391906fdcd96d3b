// bare_echo: runs the floor of a ping (echo_server.h) until SIGINT or SIGTERM.
#include "benchmarks/floors/echo_floor.h"
#include "benchmarks/floors/echo_server.h"

int main(int argc, char** argv) {
  CLI::App app{"The floor of a ping: answers every 13 bytes with 13 bytes, over io_uring.",
               "bare_echo"};
  unsigned gather_us = 0;
  app.add_option("--gather", gather_us,
                 "us that messages may gather for, so that one wake-up serves several (Linux 6.12)")
      ->capture_default_str()
      ->check(CLI::Range(0, 100'000));
  return ringgate::bench::run_echo_floor<ringgate::bench::EchoServer>(app, argc, argv, gather_us);
}
