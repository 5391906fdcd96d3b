// Runs a Session over a connected stream, an input of lines and two outputs, until it ends.
//
// One thread, which owns the session for the duration of the call. The stream and the descriptors
// stay their owner's.
#pragma once

#include <memory>
#include <string>

#include "services/client/stream.h"
#include "services/client/transport.h"

namespace ringgate::client {

struct Descriptors {
  int input = 0;  // lines; its end is `quit`
  int output = 1;
  int problems = 2;
  int signals = -1;  // a signalfd; -1 for none
};

// The exit code: Session's, or 128 + the number of the signal that ended it.
[[nodiscard]] int run(const Descriptors& descriptors, Stream& stream,
                      std::unique_ptr<Transport> transport, const std::string& account,
                      const std::string& token);

}  // namespace ringgate::client
