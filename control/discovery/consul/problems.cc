#include "control/discovery/consul/problems.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "control/base/text.h"

namespace ringgate::consul {
namespace {

constexpr std::array<const char*, static_cast<std::size_t>(Trouble::kCount)> kTroubleNames{
    "connect", "timeout", "denied", "server", "answer", "rejected"};

// What Consul says with a status, as a part of one line.
std::string said(const std::string& body) {
  constexpr std::size_t kMostSaid = 160;
  const std::string text =
      printable(body.substr(0, std::min(body.find_first_of("\r\n"), kMostSaid)));
  return text.empty() ? "(it does not say why)" : text;
}

}  // namespace

std::optional<Fault> Problems::fault_of(const Reply& reply, std::string_view what) const {
  const auto fault = [this]<class... Args>(Trouble trouble, fmt::format_string<Args...> text,
                                           Args&&... args) {
    return Fault{trouble, fmt::format("Consul at {}", url_) +
                              fmt::format(text, std::forward<Args>(args)...)};
  };
  switch (reply.failure) {
    case Failure::kNone:
      break;
    case Failure::kTimeout:
      return fault(
          Trouble::kTimeout,
          " does not answer in time; see whether that agent is well, or correct ConsulURL");
    case Failure::kTls:
      return fault(
          Trouble::kConnect,
          " cannot be trusted: {}; set ConsulCA to its authority's certificate, or correct "
          "ConsulURL",
          reply.failure_text);
    case Failure::kTooLong:
      return fault(Trouble::kAnswer, ": cannot {}: {}", what, reply.failure_text);
    case Failure::kConnect:
    case Failure::kOther:
      return fault(Trouble::kConnect,
                   " does not answer: {}; start an agent there, or correct ConsulURL",
                   reply.failure_text);
  }
  if (reply.status == 401 || reply.status == 403) {
    return fault(
        Trouble::kDenied,
        ": {}: the token may not {}: {}; set ConsulToken or ConsulTokenFile to one that may",
        reply.status, what, said(reply.body));
  }
  if (reply.status >= 500) {
    return fault(Trouble::kServer, ": {}: {}; the known services stay in use; see to Consul",
                 reply.status, said(reply.body));
  }
  if (reply.status != 200) {
    return fault(Trouble::kRejected, ": cannot {}: {}: {}", what, reply.status, said(reply.body));
  }
  return std::nullopt;
}

Fault Problems::bad_answer(std::string_view what, std::string_view why) const {
  return {Trouble::kAnswer,
          fmt::format("Consul at {}: cannot {}: the answer is {}; is ConsulURL a Consul agent?",
                      url_, what, why)};
}

void Problems::set(const std::string& who, Fault fault) {
  counts_[static_cast<std::size_t>(fault.trouble)].fetch_add(1, std::memory_order_relaxed);
  if (!is_known(fault.text)) spdlog::warn("{}; trying again", fault.text);
  texts_.insert_or_assign(who, std::move(fault.text));
}

void Problems::clear(const std::string& who) {
  if (texts_.erase(who) > 0 && texts_.empty()) spdlog::info("Consul at {} is well again", url_);
}

std::optional<Error> Problems::current() const {
  if (texts_.empty()) return std::nullopt;
  return Error{texts_.begin()->second};
}

bool Problems::is_known(const std::string& text) const {
  return std::ranges::any_of(texts_, [&](const auto& entry) { return entry.second == text; });
}

void Problems::collect(MetricsSnapshot& metrics) const {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    metrics.counter("ringgate_registry_errors_total",
                    "answers of Consul that could not be used, or that did not come",
                    {{"kind", kTroubleNames[i]}},
                    static_cast<double>(counts_[i].load(std::memory_order_relaxed)));
  }
}

}  // namespace ringgate::consul
