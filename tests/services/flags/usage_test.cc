#include "services/flags/usage.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>

namespace ringgate {
namespace {

// Of a program with one subcommand, which has to be told a file.
std::string problem_of(const std::string& words) {
  CLI::App app("about", "prog");
  std::string file;
  CLI::App* const serve = app.add_subcommand("serve");
  serve->add_option("-c,--config", file)->required();
  int pace = 0;
  serve->add_option("--pace", pace);
  app.require_subcommand(1);
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return usage_problem(app, error);
  }
  return "";
}

TEST(Usage, GoodWordsAreNoProblem) {
  EXPECT_EQ(problem_of("serve -c file --pace 3"), "");
}

TEST(Usage, WhatIsMissingIsNamed) {
  EXPECT_EQ(problem_of("serve"), "--config is required (see prog serve --help)");
  EXPECT_EQ(problem_of(""), "A subcommand is required (see prog --help)");
}

TEST(Usage, AMisspeltFlagIsNamedAlsoWhereTheRightOneIsRequired) {
  EXPECT_EQ(problem_of("serve --cofnig file"),
            "unknown flag --cofnig; did you mean --config? (see prog serve --help)");
  EXPECT_EQ(problem_of("serve -c file --pase=3"),
            "unknown flag --pase; did you mean --pace? (see prog serve --help)");
}

TEST(Usage, NothingIsSuggestedForAnotherWord) {
  EXPECT_EQ(problem_of("serve -c file --listen 3"),
            "unknown flag --listen (see prog serve --help)");
  EXPECT_EQ(problem_of("serve -c file --x"), "unknown flag --x (see prog serve --help)");
}

TEST(Usage, WordsThatAreNoFlagsAreNamed) {
  EXPECT_EQ(problem_of("sevre"), "unexpected argument sevre (see prog --help)");
  EXPECT_EQ(problem_of("serve -c file more"), "unexpected argument more (see prog serve --help)");
  EXPECT_EQ(problem_of("serve -c file -x"), "unexpected argument -x (see prog serve --help)");
}

TEST(Usage, AValueOfTheWrongKindIsTheLibrarysSentence) {
  const std::string problem = problem_of("serve -c file --pace fast");
  EXPECT_NE(problem.find("--pace"), std::string::npos) << problem;
  EXPECT_NE(problem.find("fast"), std::string::npos) << problem;
}

}  // namespace
}  // namespace ringgate
