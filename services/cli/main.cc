// `ringgate`: one binary, a subcommand for everything.
#include <fcntl.h>
#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <sstream>
#include <string_view>
#include <system_error>

#include "control/base/standard_output.h"
#include "control/base/termination.h"
#include "dataplane/memory_reserve.h"
#include "services/cli/client.h"
#include "services/cli/command.h"
#include "services/cli/config.h"
#include "services/cli/dev.h"
#include "services/cli/doctor.h"
#include "services/cli/explain_route.h"
#include "services/cli/fleet.h"
#include "services/cli/serve.h"
#include "services/cli/store.h"
#include "services/cli/token.h"
#include "services/cli/top.h"
#include "services/cli/trace/command.h"
#include "services/cli/wsecho.h"
#include "services/flags/build_commit.h"
#include "services/flags/usage.h"
#include "services/flags/version.h"
#include "services/process/signal_watch.h"

namespace {

// Started with one of them closed, the next file or socket would get its number, and with it what
// is meant for people. What cannot be written is an error, as it would be without this.
void open_standard_descriptors() {
  for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = dup(fd)) {
    if (fd <= STDERR_FILENO) continue;
    close(fd);
    return;
  }
}

// They drain on SIGTERM. One that comes before they can is kept until they can.
bool is_server(std::string_view command) {
  constexpr std::array<std::string_view, 6> kServers{"gateway", "login", "chat",
                                                     "echo",    "dev",   "wsecho"};
  return std::ranges::find(kServers, command) != kServers.end();
}

// glibc reserves 64 MiB for each thread that allocates, as long as it finds them: under a limit of
// the address space the first threads would take what the rings of later ones need. With one arena
// for all it is known what a start takes (`ringgate doctor` tells). Shards do not allocate in their
// loops.
void share_little_address_space() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    mallopt(M_ARENA_MAX, 1);
  }
}

// What commands print is their answer, JSON for scripts perhaps: no line of a log may be in it.
// Servers have a log of their own.
void log_to_stderr() {
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
}

int run(int argc, char** argv) {
  log_to_stderr();
  CLI::App app(
      "ringgate: a gateway for very many long-lived connections (instant messaging), on io_uring",
      "ringgate");
  app.set_version_flag("--version", "ringgate " + ringgate::version_text());
  app.require_subcommand(1);
  ringgate::CommandResult result;
  ringgate::add_dev_command(app, result);
  ringgate::add_serve_commands(app, result);
  ringgate::add_client_command(app, result);
  ringgate::add_config_command(app, result);
  ringgate::add_token_command(app, result);
  ringgate::add_explain_route_command(app, result);
  ringgate::add_trace_command(app, result);
  ringgate::add_fleet_commands(app, result);
  ringgate::add_doctor_command(app, result);
  ringgate::add_store_command(app, result);
  ringgate::add_top_command(app, result);
  ringgate::add_wsecho_command(app, result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help or --version
    ringgate::SignalWatch::unblock();
    std::ostringstream text;
    app.exit(asked, text, text);
    const ringgate::Result<void> printed = ringgate::print_out(text.str());
    return printed ? 0 : ringgate::report_error(printed.error());
  } catch (const CLI::ParseError& error) {
    return ringgate::report_error({ringgate::usage_problem(app, error), 2});
  }
  return result.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  ringgate::note_build_commit(ringgate::kBuildCommit);
  if (argc > 1 && is_server(argv[1])) ringgate::SignalWatch::block();
  share_little_address_space();
  ringgate::end_with_a_sentence_without_memory("ringgate");
  if (argc > 1 && is_server(argv[1])) ringgate::memory_reserve::keep();
  open_standard_descriptors();
  try {
    return run(argc, argv);
  } catch (const std::system_error& failure) {  // no thread is to be had, say
    return ringgate::report_error({failure.what(), 1});
  } catch (const std::bad_alloc&) {
    return ringgate::report_error({ringgate::kOutOfMemory, 1});
  }
}
