#include "services/handlers/echo.h"

namespace ringgate {

void add_echo_handlers(Router& router) {
  router.handle_prefix("echo.",
                       [](Request& request) { request.respond(Status::kSuccess, request.body()); });
}

}  // namespace ringgate
