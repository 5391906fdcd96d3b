// Addresses that cannot be listened at beside each other: of one port, one of them all of a
// machine's. A takeover that changes a listener from the one to the other cannot be, since its
// sockets are bound while the old ones are. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/process/handover/offer.h"

namespace ringgate::handover {

// Where a process may listen that is in the way of one that is to listen at these.
[[nodiscard]] std::vector<std::string> neighbours_of(const std::vector<std::string>& printed);
// One of ours, and what of the offer is in its way.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> clash_of(
    const std::vector<std::string>& printed, const Offer& offer);

}  // namespace ringgate::handover
