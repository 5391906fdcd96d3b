// usage: write_sample_report FILE: the page of a made-up measurement, for tests in a browser.
#include <fstream>

#include "sample_measurement.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto sample = ringgate::bench::make_sample();
  std::ofstream file(argv[1]);
  file << ringgate::bench::as_html(sample->measured, sample->options) << std::flush;
  return file ? 0 : 1;
}
