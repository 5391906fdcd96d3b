#include "control/base/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace ringgate {
namespace {

TEST(JsonWriter, WritesNothingThatIsNoNumber) {
  JsonWriter json(2);
  json.object("", [&] {
    json.number("a", std::numeric_limits<double>::quiet_NaN());
    json.number("b", std::numeric_limits<double>::infinity());
    json.number("c", -1.25, 1);
    json.array("d", [] {});
    json.object("e", [] {});
  });
  EXPECT_EQ(json.take(),
            "{\n  \"a\": null,\n  \"b\": null,\n  \"c\": -1.2,\n  \"d\": [],\n"
            "  \"e\": {}\n}");
}

TEST(JsonWriter, ByDefaultWritesOneLine) {
  JsonWriter json;
  json.object("", [&] {
    json.text("a", "x");
    json.array("b", [&] {
      json.text("", "y");
      json.raw("", R"({"c": 1}, {"c": 2})");
      json.null("");
    });
    json.text_or_null("d", "");
    json.text_or_null("e", "z");
    json.count("f", 18'446'744'073'709'551'615U);
    json.flag("g", true);
  });
  EXPECT_EQ(json.take(), R"({"a": "x", "b": ["y", {"c": 1}, {"c": 2}, null], "d": null, "e": "z", )"
                         R"("f": 18446744073709551615, "g": true})");
  EXPECT_EQ(json.take(), "");
}

// Also in keys: those of a service's meta come from others.
TEST(JsonWriter, WhateverIsInATextItIsJson) {
  JsonWriter json;
  json.object("", [&] { json.text("\"k\\\n", std::string_view("a\x1f\"\0\xff\xc3\xa4", 7)); });
  EXPECT_EQ(json.take(),
            "{\"\\\"k\\\\\\u000a\": \"a\\u001f\\\"\\u0000\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
  json.array("", [&] { json.text("", "\xc3\xa4"); });
  EXPECT_EQ(json.take(), "[\"\xc3\xa4\"]");
}

}  // namespace
}  // namespace ringgate
