#include "services/flags/usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <vector>

#include "control/base/text.h"

namespace ringgate {
namespace {

// Where the words of the command line led.
const CLI::App& command_meant(const CLI::App& app) {
  const CLI::App* meant = &app;
  while (!meant->get_subcommands().empty()) meant = meant->get_subcommands().back();
  return *meant;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* const parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::string unknown_word(const CLI::App& command, std::string_view word) {
  if (!word.starts_with("--")) return fmt::format("unexpected argument {}", word);
  const std::string_view flag = word.substr(0, word.find('='));
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  const auto nearest = std::ranges::min_element(
      flags, {}, [&](const std::string& name) { return edit_distance(name, flag); });
  // Half of its letters wrong is another word.
  if (nearest == flags.end() || edit_distance(*nearest, flag) > (flag.size() - 2) / 2) {
    return fmt::format("unknown flag {}", flag);
  }
  return fmt::format("unknown flag {}; did you mean {}?", flag, *nearest);
}

}  // namespace

std::string usage_problem(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = command_meant(app);
  // CLI11 looks for what is missing before what is too much, and a misspelt flag is both.
  const std::vector<std::string> unknown = app.remaining(true);
  const std::string problem =
      unknown.empty() ? std::string(error.what()) : unknown_word(command, unknown.front());
  return fmt::format("{} (see {} --help)", problem, full_name(command));
}

}  // namespace ringgate
