// How a process ends when an exception has nobody to catch it, on whichever thread: for want of
// memory that is a sentence on stderr and exit code 1, not an abort. Anything else is a bug.
#pragma once

namespace ringgate {

inline constexpr char kOutOfMemory[] =
    "out of memory, raise the limit of the process's memory (ulimit -v)";

// Once, before any thread is started. `program` begins the sentence and is a literal.
void end_with_a_sentence_without_memory(const char* program) noexcept;

}  // namespace ringgate
