// Runs a Session over a connected stream, an input of lines and two outputs, until it ends. Where
// the gateway goes away and says when to come again, another Session goes on then.
//
// One thread, which owns the sessions for the duration of the call. The descriptors stay
// their owner's.
#pragma once

#include <functional>
#include <string>

#include "services/client/dial.h"

namespace ringgate::client {

struct Descriptors {
  int input = 0;  // lines; its end is `quit`
  int output = 1;
  int problems = 2;
  int signals = -1;  // a signalfd; -1 for none
};

// Connects again: to "host:port", or to where it was.
using DialAgain = std::function<Result<Dialled>(const std::string& at)>;

// The exit code: Session's, or 128 + the number of the signal that ended it. 1 where no gateway was
// found again within ten seconds.
[[nodiscard]] int run(const Descriptors& descriptors, Dialled connection, const DialAgain& again,
                      const std::string& account, const std::string& token);

}  // namespace ringgate::client
