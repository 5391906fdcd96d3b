// bare_tls_echo: runs the floor of a ping over TLS (tls_echo_server.h) until SIGINT or SIGTERM.
#include <csignal>

#include "benchmarks/floors/echo_floor.h"
#include "benchmarks/floors/tls_echo_server.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // of OpenSSL's writes
  CLI::App app{
      "The floor of a ping over TLS: answers every 13 bytes with 13 bytes, in records of "
      "TLS 1.3, over io_uring. Each connection keeps its contexts of OpenSSL. The "
      "certificate is made at start, and no client can check it.",
      "bare_tls_echo"};
  return ringgate::bench::run_echo_floor<ringgate::bench::TlsEchoServer>(app, argc, argv);
}
