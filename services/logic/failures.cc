#include "services/logic/failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "control/base/text.h"
#include "services/logic/counters.h"

namespace ringgate {
namespace {

template <std::size_t kMost>
std::uint8_t copy(std::string_view from, std::array<char, kMost>& to) noexcept {
  static_assert(kMost < 256);
  const std::size_t bytes = std::min(from.size(), kMost);
  std::copy_n(from.begin(), bytes, to.begin());
  return static_cast<std::uint8_t>(bytes);
}

void tell(Request& request, std::string_view what) noexcept {
  Shard& shard = request.shard().outbox.shard();
  shard.counters().add(LogicCounter::kHandlerExceptions);
  HandlerFailedMail mail{};
  mail.command_bytes = copy(request.command(), mail.command);
  mail.what_bytes = copy(what, mail.what);
  shard.mail(shard.control(), kMailHandlerFailed, mail);
}

}  // namespace

void note_exception(Request& request) noexcept {
  try {
    throw;
  } catch (const std::exception& exception) {
    tell(request, exception.what());
  } catch (...) {
    tell(request, "not a std::exception");
  }
}

std::string describe(const HandlerFailedMail& mail) {
  return fmt::format("the handler of {} threw an exception: {}",
                     printable({mail.command.data(), mail.command_bytes}),
                     printable({mail.what.data(), mail.what_bytes}));
}

}  // namespace ringgate
