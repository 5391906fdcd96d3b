// bare_echo: runs the floor of a ping (echo_server.h) until SIGINT or SIGTERM.
#include "benchmarks/floors/echo_floor.h"
#include "benchmarks/floors/echo_server.h"

int main(int argc, char** argv) {
  CLI::App app{"The floor of a ping: answers every 13 bytes with 13 bytes, over io_uring.",
               "bare_echo"};
  return ringgate::bench::run_echo_floor<ringgate::bench::EchoServer>(app, argc, argv);
}
