// Numbers of a token's claims: any that JSON can write (RFC 7519, section 2: a NumericDate may have
// a fraction), also those that no parser of ours holds. Pure functions, any thread.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>

namespace ringgate {

// What is later is told as this: adding some years to it does not overflow.
inline constexpr std::int64_t kFarFutureSeconds = std::int64_t{1} << 62;

enum class Fraction : std::uint8_t {
  kDown,  // 1000.5 is 1000: for exp, "on or after which" a token is refused
  kUp,    // and 1001 for nbf, "before which" it is
};

// Unix seconds, between -kFarFutureSeconds and kFarFutureSeconds; nothing for what is no number.
[[nodiscard]] std::optional<std::int64_t> read_numeric_date(simdjson::dom::element value,
                                                            Fraction fraction);

// simdjson takes no integer beyond 64 bits and nothing beyond a double, which are legal in JSON and
// may stand in claims that are none of ours. Writes numbers that are as far away over them, of the
// same sign and no longer than they are. False: there was none.
bool shorten_huge_numbers(std::string& json);

}  // namespace ringgate
