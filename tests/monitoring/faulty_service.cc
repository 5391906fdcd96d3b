// A service of one's own with two mistakes: a handler that throws, and one that holds up its shard.
#include <chrono>
#include <stdexcept>
#include <thread>

#include "services/logic/serve.h"

namespace ringgate {
namespace {

void fail(Request&) {
  throw std::logic_error("nobody has thought of this");
}

void hold_up(Request& request) {
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  request.respond(Status::kSuccess);
}

void add_handlers(Router& router) {
  router.handle("faulty.fail", fail);
  router.handle("faulty.hold_up", hold_up);
}

}  // namespace
}  // namespace ringgate

int main(int argc, char** argv) {
  return ringgate::serve_logic(argc, argv, "faulty", ringgate::add_handlers);
}
