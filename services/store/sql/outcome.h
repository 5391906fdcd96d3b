// What a database did, or why it did not.
#pragma once

#include <expected>
#include <string>

#include "services/store/health.h"

namespace ringgate::sql {

struct Trouble {
  StoreTrouble kind = StoreTrouble::kOther;
  std::string why;
  bool is_of_a_statement = false;  // to open the database again shows nothing of it
  bool is_blocked = false;         // another session holds what it needs
};
template <class T>
using Outcome = std::expected<T, Trouble>;

}  // namespace ringgate::sql
