// What is asked of a SQL database, whichever it is: statements by name, the values given to them,
// and what comes back. Plain values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "codec/check.h"

namespace ringgate::sql {

enum class Statement : std::uint8_t {
  kClaimTimes,
  kPutMessage,
  kPutIndex,
  kPutGroupMessage,
  kPutGroupIndex,
  kGroupOwner,
  kMemberNames,
  kAck,
  kIndexAll,
  kIndexAfter,
  kIndexAfterAck,
  kReadMessage,
  kPutGroup,
  kPutMember,
  kJoin,
  kQuit,
  kReadGroup,
  kMembers,
  kDeleteMessage,
  kDeleteIndex,
  kDeleteGroupIndex,
  kDeleteGroup,
  kDeleteMembers,
  kDeleteMember,
  kDeleteOldMessages,
  kDeleteOldIndex,
  kNextOwner,
  kProbe,
  kEndStuck,  // PostgreSQL's alone
  kCount,
};
inline constexpr std::size_t kStatements = static_cast<std::size_t>(Statement::kCount);

struct StatementText {
  std::string_view name;
  std::string_view text;   // parameters are $1, $2, ...
  std::string_view types;  // of each parameter: n a number, t a text, b bytes
};
[[nodiscard]] const StatementText& text_of(Statement statement) noexcept;

// A value of a parameter; a text or bytes are somebody else's.
struct Value {
  // NOLINTBEGIN(google-explicit-constructor)
  Value() = default;
  Value(std::int64_t its_number) noexcept : number(its_number) {}
  Value(std::string_view its_text) noexcept : text(its_text) {}
  Value(const std::string& its_text) noexcept : text(its_text) {}
  // NOLINTEND(google-explicit-constructor)

  std::int64_t number = 0;
  std::string_view text;
};

// A statement with its values.
struct Step {
  static constexpr std::size_t kMostValues = 9;

  Step(Statement its_statement, std::initializer_list<Value> its_values)
      : statement(its_statement) {
    RINGGATE_CHECK(its_values.size() == text_of(statement).types.size());
    for (const Value& value : its_values) values[count++] = value;
  }

  Statement statement;
  std::uint8_t count = 0;
  std::array<Value, kMostValues> values;
};

// Steps that happen in one transaction, or not at all.
using Plan = std::vector<Step>;

struct Cell {
  std::int64_t number = 0;  // of a column of numbers
  std::string text;         // of texts and bytes
};
using Row = std::vector<Cell>;

// Of one step.
struct Rows {
  std::int64_t changed = 0;  // rows put or deleted
  std::vector<Row> rows;
};
using Results = std::vector<Rows>;

}  // namespace ringgate::sql
