#include "control/observe/episode.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "control/observe/log_event.h"

namespace ringgate {

void add_line(std::optional<std::string>& lines, const std::optional<std::string>& line) {
  if (!line) return;
  lines = lines ? *lines + '\n' + *line : *line;
}

void Episode::update(std::optional<std::string> text) {
  using Seconds = std::chrono::duration<double>;
  if (text && !text_) {
    since_ = std::chrono::steady_clock::now();
    log_event(LogEvent::kProblem, {{"what", *text}}, *text);
  } else if (!text && text_) {
    const Seconds lasted = std::chrono::steady_clock::now() - since_;
    log_event(LogEvent::kProblemOver,
              {{"what", *text_}, {"lasted_ms", static_cast<std::uint64_t>(lasted.count() * 1000)}},
              fmt::format("over after {:.1f} s: {}", lasted.count(), *text_));
  }
  text_ = std::move(text);
}

void Episodes::update(const Texts& now) {
  for (auto it = lasting_.begin(); it != lasting_.end();) {
    if (now.contains(it->first)) {
      ++it;
    } else {
      it->second.update(std::nullopt);
      it = lasting_.erase(it);
    }
  }
  for (const auto& [name, text] : now) lasting_[name].update(text);
}

std::optional<std::string> Episodes::text() const {
  std::optional<std::string> all;
  for (const auto& [name, episode] : lasting_) add_line(all, episode.text());
  return all;
}

}  // namespace ringgate
