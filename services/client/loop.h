// Runs a ClientSession over a connected socket, an input of lines and two outputs, until it ends.
//
// One thread, which owns the session for the duration of the call. Descriptors stay their owner's.
#pragma once

#include <memory>
#include <string>

#include "services/client/transport.h"

namespace ringgate {

struct ClientDescriptors {
  int socket = -1;  // connected, non-blocking
  int input = 0;    // lines; its end is `quit`
  int output = 1;
  int problems = 2;
  int signals = -1;  // a signalfd; -1 for none
};

// The exit code: ClientSession's, or 128 + the number of the signal that ended it.
[[nodiscard]] int run_client(const ClientDescriptors& descriptors,
                             std::unique_ptr<ClientTransport> transport, const std::string& account,
                             const std::string& token);

}  // namespace ringgate
