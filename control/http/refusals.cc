#include "control/http/refusals.h"

#include <utility>

namespace ringgate::http {

void Refusals::update(std::uint64_t total, std::string text, Time now) {
  if (total != total_) {
    last_ = now;
    lasting_ = true;
  } else if (now - last_ >= kQuiet) {
    lasting_ = false;
  }
  total_ = total;
  if (lasting_) {
    episode_.update(std::move(text));
  } else {
    episode_.update(std::nullopt);
  }
}

}  // namespace ringgate::http
