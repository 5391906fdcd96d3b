// Where in a Config the value of a key is. Reading, changing, comparing and showing a value all go
// through its place, so that they cannot mean different things. Pure functions, any thread.
#pragma once

#include <chrono>
#include <concepts>
#include <type_traits>
#include <utility>

#include "control/config/config.h"

namespace ringgate {

template <class Value>
struct Place {
  Value (*get)(const Config&);
  void (*set)(Config&, Value);
};

template <class Type>
inline constexpr bool kIsTime =
    std::is_same_v<Type, Config::Duration> || std::is_same_v<Type, std::chrono::microseconds>;

// A number, whichever width its owner keeps it in, and a time, also where it is kept as a number of
// its unit. The bounds of the keys see to it that nothing is cut off.
template <class To, class From>
To stored_as(From from) {
  if constexpr (std::is_same_v<To, From>) {
    return from;
  } else if constexpr (kIsTime<From>) {
    return static_cast<To>(from.count());
  } else if constexpr (kIsTime<To>) {
    return To(from);
  } else {
    static_assert(std::unsigned_integral<To> && std::unsigned_integral<From>);
    static_assert(!std::is_same_v<To, bool> && !std::is_same_v<From, bool>);
    return static_cast<To>(from);
  }
}

// The way from a Config to a value: pointers to members and indexes of arrays, one after another.
template <auto kFirst, auto... kRest, class Whole>
auto& reach(Whole& whole) {
  auto& part = [&]() -> auto& {
    if constexpr (std::is_integral_v<decltype(kFirst)>) {
      return whole[kFirst];
    } else {
      return whole.*kFirst;
    }
  }();
  if constexpr (sizeof...(kRest) == 0) {
    return part;
  } else {
    return reach<kRest...>(part);
  }
}

// Becomes the Place that a key of a kind takes.
template <auto... kWay>
struct At {
  template <class Value>
  constexpr operator Place<Value>() const {
    using Stored = std::remove_cvref_t<decltype(reach<kWay...>(std::declval<Config&>()))>;
    return {[](const Config& config) { return stored_as<Value>(reach<kWay...>(config)); },
            [](Config& config, Value value) {
              reach<kWay...>(config) = stored_as<Stored>(std::move(value));
            }};
  }
};
template <auto... kWay>
constexpr At<kWay...> at() {
  return {};
}

}  // namespace ringgate
