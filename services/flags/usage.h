// What is wrong with a command line, for the programs whose flags CLI11 reads.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace ringgate {

// One sentence for whoever typed it: "--config is required (see ringgate gateway --help)". A flag
// that does not exist is named, and the nearest one that does. `app` has just failed with `error`.
[[nodiscard]] std::string usage_problem(const CLI::App& app, const CLI::ParseError& error);

}  // namespace ringgate
