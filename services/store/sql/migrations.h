// The tables of the message store, and how they come to be what this ringgate knows: numbered
// steps, applied in order under a lock, so that processes that start together do not meet.
//
// On the thread that the session belongs to; it blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codec/error.h"
#include "services/store/sql/statement.h"

namespace ringgate::sql {

// A connection to a database as migrations need it.
class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  // Statements without parameters, one after another.
  [[nodiscard]] virtual Result<void> execute(const std::string& text) = 0;
  // The first column of the first row, if there is one.
  [[nodiscard]] virtual Result<std::optional<std::int64_t>> number(const std::string& text) = 0;

  // What it calls its types, and how it does these.
  struct Dialect {
    // In statements: by how much the transaction's send times are moved, and what claim_times
    // gives, so that the statements behind it find that.
    std::string_view shift;
    std::string_view kept_shift;
    std::string_view number;  // the type of 64 bits
    std::string_view text;    // compared byte by byte
    std::string_view bytes;
    std::string_view end_of_table;  // of tables whose primary key is all that they are found by
    std::string_view begin;         // a transaction that may change tables: nobody else does then
    std::string_view has_schema;    // gives a row if there is a table ringgate_schema
    // How many tables keep ours from being made; {tables} are the names of ours, in quotes.
    std::string_view in_the_way;
    std::string_view what_is_in_the_way;  // of the sentence that says so
  };
  [[nodiscard]] virtual const Dialect& dialect() const = 0;
};

[[nodiscard]] std::string in_dialect(const StatementText& text, const Session::Dialect& dialect);

// The newest that we know.
[[nodiscard]] std::int64_t known_schema() noexcept;
// 0: there are no tables of ours.
[[nodiscard]] Result<std::int64_t> schema_of(Session& session);
// An error when the schema is newer than what we know, lacks something, or would be made among
// tables of somebody else's, or a step fails; then nothing has changed. Returns the version before.
[[nodiscard]] Result<std::int64_t> migrate(Session& session);
// Whether every table and column of the version that we know can be read.
[[nodiscard]] Result<void> expect_all_tables(Session& session);
// Where there are no tables of ours: whether there is room for them.
[[nodiscard]] Result<void> expect_nothing_in_the_way(Session& session);
// The sentence of a schema that is newer.
[[nodiscard]] std::string newer_schema(std::int64_t version);

}  // namespace ringgate::sql
