#include "control/config/yaml_text.h"

#include <gtest/gtest.h>

namespace ringgate {
namespace {

std::string error_of(const std::string& text) {
  const auto read = parse_yaml(text);
  if (read) return "(no error)";
  EXPECT_EQ(read.error().exit_code, 2);
  EXPECT_EQ(read.error().message.find('\n'), std::string::npos) << read.error().message;
  return read.error().message;
}

#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST(YamlText, KindsAndLines) {
  const auto root =
      parse_yaml("# a comment\na: 1\nb: [x, 'y']\nc:\n  - {d: e}\nf:\ng: ~\nh: \"\"\n");
  ASSERT_TRUE(root) << root.error().message;
  ASSERT_TRUE(root->is_map());
  ASSERT_EQ(root->map.size(), 6U);
  EXPECT_EQ(root->map[0].key.text, "a");
  EXPECT_EQ(root->map[0].key.line, 2U);
  EXPECT_EQ(root->map[0].value.text, "1");
  ASSERT_TRUE(root->map[1].value.is_list());
  EXPECT_EQ(root->map[1].value.list[1].text, "y");
  EXPECT_EQ(root->map[2].value.list[0].map[0].value.text, "e");
  EXPECT_EQ(root->map[2].value.list[0].line, 5U);
  EXPECT_TRUE(root->map[3].value.is_null());
  EXPECT_TRUE(root->map[4].value.is_null());
  EXPECT_TRUE(root->map[5].value.is_scalar()) << "in quotes nothing is a text";
}

TEST(YamlText, NothingIsNull) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~"}) {
    const auto root = parse_yaml(text);
    ASSERT_TRUE(root) << text;
    EXPECT_TRUE(root->is_null()) << text;
  }
}

TEST(YamlText, WhatEditorsAddIsTaken) {
  for (const std::string text : {"a: b\n", "a: b\r\n", "---\na: b\n...\n", "a: b\nc: d\n",
                                 "# a comment\na: b\nc: d\n", "%YAML 1.1\n---\na: b\nc: d\n"}) {
    for (const std::string before : {"", "\xef\xbb\xbf"}) {
      const auto root = parse_yaml(before + text);
      ASSERT_TRUE(root) << text << root.error().message;
      EXPECT_EQ(root->map[0].key.text, "a") << text;
      EXPECT_EQ(root->map[0].value.text, "b") << text;
    }
  }
  EXPECT_TRUE(parse_yaml("\xef\xbb\xbf")->is_null());
}

TEST(YamlText, AKeyMayBeThereTwice) {
  EXPECT_EQ(parse_yaml("a: 1\na: 2\n")->map.size(), 2U) << "whoever reads the tree says which one";
}

// Such a file once took a gigabyte a second until the process died.
TEST(YamlText, AFileThatBeginsWithACommaIsAnError) {
  EXPECT_CONTAINS(error_of(", a"), "line 1: not valid YAML");
  EXPECT_CONTAINS(error_of(","), "line 1: not valid YAML");
}

TEST(YamlText, DepthAndSizeAreBounded) {
  EXPECT_TRUE(parse_yaml(std::string(kMaxYamlDepth, '[') + std::string(kMaxYamlDepth, ']')));
  EXPECT_CONTAINS(error_of(std::string(kMaxYamlDepth + 1, '[')), "deep");
  EXPECT_CONTAINS(error_of(std::string(500'000, '[')), "line 1: ");
  EXPECT_CONTAINS(error_of(std::string(500'000, '{')), "line 1: ");
  std::string many;
  for (std::size_t i = 0; i <= kMaxYamlNodes; ++i) many += "- a\n";
  EXPECT_CONTAINS(error_of(many), "more than 16384 values");
  EXPECT_TRUE(parse_yaml("a: " + std::string(500'000, 'x')));
}

// The library's time grows with their square: a megabyte of them takes minutes.
TEST(YamlText, ManyTagDirectivesAreRefused) {
  const auto directives = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "%TAG !" + std::to_string(i) + "! x\n";
    return text + "---\na: b\n";
  };
  EXPECT_TRUE(parse_yaml(directives(16)));
  EXPECT_CONTAINS(error_of(directives(60'000)), "%TAG");
  const std::string utf16("\xff\xfe%\0T\0", 6);
  EXPECT_CONTAINS(error_of(utf16), "not valid YAML") << "where they would not be seen";
}

TEST(YamlText, AliasesAreRefused) {
  EXPECT_CONTAINS(error_of("a: &x [1, 2]\nb: [*x, *x]\n"), "line 2: not taken here: an alias");
}

TEST(YamlText, ErrorsTellTheLineAndHowToMend) {
  EXPECT_CONTAINS(error_of("a: b\nc: *\n"), "line 2: not valid YAML: while scanning an alias");
  EXPECT_CONTAINS(error_of("a: b\nc: *\n"), "write a text that begins with * in quotes");
  EXPECT_CONTAINS(error_of("a:\n\t- b\n"), "indent with blanks");
  EXPECT_CONTAINS(error_of("a: b\nc: d: e\n"), "line 2");
  EXPECT_CONTAINS(error_of("a: b\nc: \"d\ne: f\n"), "that begins in line 2");
  EXPECT_CONTAINS(error_of("a: b\nc: [d\ne: f\n"), "line 3: ");
  EXPECT_CONTAINS(error_of("a: b\nc: [d\ne: f\n"), "that begins in line 2");
  EXPECT_CONTAINS(error_of("a: b\nc: [\n\n\n"), "line 2: ");
  EXPECT_CONTAINS(error_of("a: \xff\n"), "not valid YAML");
  EXPECT_CONTAINS(error_of("a: 1\n---\nb: 2\n"), "line 2: more than one YAML document");
}

}  // namespace
}  // namespace ringgate
