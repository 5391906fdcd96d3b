#include "services/store/sql/recovery.h"

namespace ringgate::sql {

Plan trial_of_calls(std::int64_t now_ns) {
  using namespace std::string_view_literals;
  static constexpr auto kName = "ringgate,probe"sv;  // no name has a comma
  const std::int64_t id = -now_ns;                   // no message has such a one
  return {{Statement::kClaimTimes, {now_ns, now_ns}},
          {Statement::kPutMessage, {id, kName, kName, now_ns, std::int64_t{0}, ""sv, ""sv}},
          {Statement::kPutIndex, {kName, kName, now_ns, id, kName, ""sv}},
          {Statement::kReadMessage, {id, kName, kName, std::int64_t{0}}},
          {Statement::kAck, {kName, kName, id}},
          {Statement::kDeleteIndex, {kName, kName, id}},
          {Statement::kDeleteMessage, {id}},
          {Statement::kDeleteMembers, {kName, kName}},
          {Statement::kDeleteGroup, {kName, kName}},
          {Statement::kPutGroup, {kName, kName, ""sv, ""sv, ""sv, kName, now_ns}},
          {Statement::kPutMember, {kName, kName, kName, now_ns}},
          {Statement::kDeleteMembers, {kName, kName}},
          {Statement::kDeleteGroup, {kName, kName}}};
}

}  // namespace ringgate::sql
