// Who has done what on the admin port, for the log. What was refused is told so often a second;
// the answers are counted by status in any case.
#pragma once

#include <string>
#include <vector>

#include "codec/http_request.h"
#include "control/http/reply.h"
#include "control/observe/log_limits.h"

namespace ringgate::http {

// A request as the log has it: no header is in it, so no token.
struct Asked {
  std::string method;
  std::string what;  // path and parameters, printable
  std::string from;
  bool with_token = false;

  // `known`: the parameters that the page takes. Of others nobody knows what they are, a token
  // perhaps: their values are not told.
  static Asked of(const ReceivedRequest& request, const std::vector<std::string>& known);
};

// An operator's request was answered: an action if it may have changed something, else a look. Any
// thread.
void tell_asked(const Asked& asked, const Reply& reply);

// One thread.
class RefusedLog {
 public:
  void tell(const Asked& asked, const Reply& reply);

 private:
  LogLimits limits_;
};

}  // namespace ringgate::http
