// What the handlers of the tests bring: reasons to close.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/names.h"

namespace ringgate {

namespace test {
enum class TestClose : std::uint8_t { kKickedOut, kLoginTimeout, kReplaced, kTryLater, kEnd };
}  // namespace test

template <>
inline constexpr auto kNamesOf<test::TestClose> = std::to_array<CloseName>({
    {"kicked_out"},
    {"login_timeout"},
    {"replaced"},
    {"try_later", WsCloseCode::kTryAgainLater},
});

namespace test {
inline constexpr HandlerNames kTestNames{{}, {}, names_of<TestClose>()};
}  // namespace test

}  // namespace ringgate
