// A logic service of one's own: `hello.say` greets who asks, `hello.wave` greets somebody else.
#include "codec/pkt.pb.h"
#include "services/logic/serve.h"

namespace ringgate {
namespace {

// Answered within the call: a plain function.
void say(Request& request) {
  const std::string text = "hello " + std::string(request.account());
  request.respond(Status::kSuccess, as_bytes(text));
}

// Asks the store where `dest` is: a coroutine. The shard does other things while it waits.
Task wave(Context& context) {
  auto locating = context.sessions().locate(context.dest(), context.app());
  const auto receiver = co_await locating;
  if (!receiver) {
    context.fail(receiver.error());
  } else if (!*receiver) {
    context.fail(Status::kNoDestination, "nobody of that name is online");
  } else {
    pkt::MessagePush push;
    push.set_body("hello from " + std::string(context.account()));
    context.push(**receiver, push);
    context.respond(Status::kSuccess);
  }
}

void add_handlers(Router& router) {
  router.handle("hello.say", say);
  router.handle("hello.wave", wave);
}

}  // namespace
}  // namespace ringgate

int main(int argc, char** argv) {
  return ringgate::serve_logic(argc, argv, "hello", ringgate::add_handlers);
}
