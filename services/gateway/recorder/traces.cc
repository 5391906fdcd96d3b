#include "services/gateway/recorder/traces.h"

#include <algorithm>

namespace ringgate {

bool Traces::Trace::make_room() {
  if (channels.size() < kMaxChannels) return true;
  const auto ended =
      std::ranges::find_if(channels, [](const Traced& one) { return !one.row.empty(); });
  if (ended == channels.end()) return false;
  channels.erase(ended);
  return true;
}

std::vector<std::uint8_t>* Traces::Trace::add_refused() {
  if (!make_room()) return nullptr;
  channels.push_back({});
  return &channels.back().row;
}

Traces::Traced* Traces::Trace::channel(std::uint32_t login, std::uint32_t slot) {
  const auto found = std::ranges::find(channels, login, &Traced::login);
  if (found != channels.end()) return &*found;
  if (!make_room()) {
    ++untold_channels;
    return nullptr;
  }
  channels.push_back({login, slot, 0, {}});
  return &channels.back();
}

std::uint8_t Traces::of(std::string_view account) const noexcept {
  unsigned bits = 0;
  for (std::size_t i = 0; i < kMost && count_ != 0; ++i) {
    if (traces_[i] != nullptr && traces_[i]->account == account) bits |= 1U << i;
  }
  return static_cast<std::uint8_t>(bits);
}

Traces::Trace* Traces::asked(std::string_view account, std::uint32_t now_ms) {
  for (const std::unique_ptr<Trace>& trace : traces_) {
    if (trace == nullptr || trace->account != account) continue;
    trace->asked_ms = now_ms;
    return trace.get();
  }
  return nullptr;
}

Traces::Trace* Traces::begin(std::string_view account, std::uint32_t now_ms, std::uint32_t epoch) {
  const auto free = std::ranges::find_if(
      traces_, [](const std::unique_ptr<Trace>& trace) { return trace == nullptr; });
  if (free == traces_.end()) return nullptr;
  *free = std::make_unique<Trace>(account, epoch, now_ms);
  ++count_;
  return free->get();
}

std::uint8_t Traces::bit_of(const Trace& trace) const noexcept {
  for (std::size_t i = 0; i < kMost; ++i) {
    if (traces_[i].get() == &trace) return static_cast<std::uint8_t>(1U << i);
  }
  return 0;
}

void Traces::add(std::uint8_t traces, std::uint32_t login, const Event& event) noexcept {
  for_each(traces, [&](Trace& trace) { trace.add(login, event); });
}

}  // namespace ringgate
