// Prints what a client's place in a shard's table takes: scripts/bench adds it to what the
// gateway's pools tell of themselves.
#include <cstdio>

#include "dataplane/connection.h"

int main() {
  std::printf("%zu\n", sizeof(ringgate::Connection));
  return 0;
}
