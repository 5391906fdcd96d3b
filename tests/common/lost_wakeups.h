// Takes the wake-ups of this process away: afterwards writes to its eventfds succeed, and nobody
// hears of them.
#pragma once

#include <cstddef>

namespace ringgate::test {

// Of the eventfds that are open now, by their numbers; how many there were. Their place is taken
// by the end of a pipe that is never readable. Good for thousands of wake-ups, then they fail.
std::size_t lose_wakeups();
// The same for one.
void lose_wakeups(int event_fd);

}  // namespace ringgate::test
