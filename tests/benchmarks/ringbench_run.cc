#include "tests/benchmarks/ringbench_run.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/common/temp_dir.h"
#include "tests/integration/process.h"

namespace ringgate::test {

double BenchRun::number(const std::string& pointer) const {
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  double found = 0;
  const auto error = parser.parse(json).at_pointer(pointer).get(value);
  if (error != simdjson::SUCCESS || value.get(found) != simdjson::SUCCESS) {
    ADD_FAILURE() << "no number at " << pointer << " in: " << json << "\n" << output;
  }
  return found;
}

std::string ringbench_binary() {
  return RINGBENCH_BINARY;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

BenchRun run_ringbench(std::vector<std::string> arguments) {
  const TempDir folder;
  const std::string file = (folder.path() / "run.json").string();
  arguments.insert(arguments.begin(), ringbench_binary());
  arguments.insert(arguments.end(), {"--json", file});
  ProcessUnderTest process(arguments);
  process.close_stdin();
  BenchRun run;
  run.code = process.wait_exit(std::chrono::seconds{50});
  run.output = process.whole_output();
  run.json = read_file(file);
  return run;
}

}  // namespace ringgate::test
