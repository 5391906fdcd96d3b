// Where secrets come from, and files that are none.
#include "control/base/secrets.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <thread>

#include "control/base/unique_fd.h"
#include "parse.h"
#include "tests/common/temp_dir.h"

namespace ringgate::test {
namespace {

TEST(ConfigSecrets, ConsulTokenFromAFile) {
  const TempDir dir;
  const std::string file = dir.write("token", "of the file\n").string();
  const std::string base = "ServiceID: g\nConsulURL: :8500\n" + kAppSecret;
  const auto config = parse(base + "ConsulTokenFile: " + file + "\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->consul.token, "of the file");
  EXPECT_EQ(config->consul.token_file, file);
  EXPECT_CONTAINS(error_of(parse(base + "ConsulTokenFile: " + file + "x\n")), "cannot open");
  EXPECT_CONTAINS(error_of(parse(base + "ConsulToken: t\nConsulTokenFile: " + file + "\n")),
                  "both");
}

TEST(ConfigSecrets, AMessageStoreFromAFile) {
  const TempDir dir;
  const std::string file = dir.write("url", "postgresql://chat:s3cret@db/talks\n").string();
  const std::string base = "ServiceID: g\nRegistryFile: f\n" + kAppSecret;
  const auto config = parse(base + "MessageStoreFile: " + file + "\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->message_store, "postgresql://chat:s3cret@db/talks");
  EXPECT_CONTAINS(error_of(parse(base + "MessageStore: 'memory:'\nMessageStoreFile: " + file)),
                  "both");
  const std::string wrong = error_of(parse(base + "MessageStore: postgres:/chat:s3cret@db"));
  EXPECT_CONTAINS(wrong, "MessageStore");
  EXPECT_EQ(wrong.find("s3cret"), std::string::npos) << wrong;
}

TEST(ConfigSecrets, SecretsFromFiles) {
  const TempDir dir;
  const std::string now = dir.write("now", "new secret of the tests\n").string();
  const std::string before = dir.write("before", "old secret of the tests\r\n\n").string();
  const std::string base = "ServiceID: g\nRegistryFile: f\n";
  const auto config =
      parse(base + "AppSecretFile: " + now + "\nAppSecretPreviousFile: " + before + "\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->app_secret, "new secret of the tests");
  EXPECT_EQ(config->app_secret_previous, "old secret of the tests");

  const std::string empty = dir.write("empty", "\n").string();
  EXPECT_CONTAINS(error_of(parse(base + "AppSecretFile: " + empty)), "is empty");
  EXPECT_CONTAINS(error_of(parse(base + "AppSecretFile: " + now + "x")), "cannot open");
  EXPECT_CONTAINS(error_of(parse(base + "AppSecretFile: " + dir.path().string())), "directory");
  const std::string large = dir.write("large", std::string(5000, 'x')).string();
  EXPECT_CONTAINS(error_of(parse(base + "AppSecretFile: " + large)), "longer");
  EXPECT_CONTAINS(error_of(parse(base + "AppSecret: s\nAppSecretFile: " + now)), "both");

  EXPECT_EQ(parse(base, {{"RINGGATE_APPSECRETFILE", now}})->app_secret, "new secret of the tests");
}

// One would be in force without a word: the one of a shell in which something else was tried out.
TEST(ConfigSecrets, ASecretOfTheFileAndOneOfTheEnvironmentAreAnErrorThatNamesBoth) {
  const std::string base = "ServiceID: g\nConsulURL: :8500\nAdminPort: 1\n";
  for (const std::string name : {"AppSecret", "AppSecretPrevious", "ConsulToken", "AdminToken"}) {
    std::string variable = "RINGGATE_" + name;
    std::ranges::transform(variable, variable.begin(), [](char c) { return std::toupper(c); });
    const std::string secret = name == "AppSecret" ? "" : kAppSecret;
    for (const std::string in_file : {"", "File"}) {
      const std::string yaml = base + secret + name + in_file + ": " + kSecret + "\n";
      for (const std::string in_environment : {"", "FILE"}) {
        const auto message = error_of(parse(yaml, {{variable + in_environment, kSecret}}));
        EXPECT_CONTAINS(message, "environment variable " + variable + in_environment + " and ");
        EXPECT_CONTAINS(message, " and " + name + in_file + " are both set");
      }
    }
    EXPECT_CONTAINS(error_of(parse(base + secret, {{variable, kSecret}, {variable + "FILE", "f"}})),
                    "are both set");
  }
}

TEST(ConfigSecrets, AGatewaysSecretIsNeitherPublicNorShort) {
  const std::string base = "ServiceID: g\nRegistryFile: f\nAppSecret: ";
  const std::string known(kDevelopmentSecret);
  EXPECT_CONTAINS(error_of(parse(base + known)), "everybody knows");
  EXPECT_CONTAINS(error_of(parse(base + "15 bytes of it.")), "15 bytes");
  EXPECT_TRUE(parse(base + "16 bytes of them"));
  EXPECT_CONTAINS(error_of(parse(kRequired + "AppSecretPrevious: " + known)), "AppSecretPrevious");
  EXPECT_TRUE(parse(base + "x", {}, ProcessRole::kChat)) << "nobody else signs or checks";
}

TEST(ConfigSecrets, WhatNobodyMeantAsASecretIsRefused) {
  const TempDir dir;
  const std::string base = "ServiceID: g\nConsulURL: :8500\n";
  const std::string mark = "\xef\xbb\xbf";
  for (const std::string key : {"AppSecret", "AppSecretPrevious", "ConsulToken", "AdminToken"}) {
    const std::string required = base + (key == "AppSecret" ? "" : kAppSecret);
    for (const auto& [secret, says] : {std::pair(mark + "sixteen-bytes-or-more", "(BOM)"),
                                       std::pair(std::string(20, ' '), "made of blanks only")}) {
      EXPECT_CONTAINS(error_of(parse(required + key + ": \"" + secret + "\"\n")),
                      key + (says[0] == '(' ? " begins" : " is"));
      EXPECT_CONTAINS(error_of(parse(required + key + ": \"" + secret + "\"\n")), says);
      const std::string file = dir.write("secret", secret + "\n").string();
      const auto message = error_of(parse(required + key + "File: " + file + "\n"));
      EXPECT_CONTAINS(message, key + "File: " + file);
      EXPECT_CONTAINS(message, says);
    }
  }
}

TEST(ConfigSecrets, AnAdminTokenIsLongAndWithoutBlanksInEveryRole) {
  const TempDir dir;
  for (const ProcessRole role : {ProcessRole::kGateway, ProcessRole::kEcho}) {
    for (const auto& [token, says] : {std::pair("15-bytes-of-it.", "AdminToken has 15 bytes"),
                                      std::pair("sixteen bytes or more", "AdminToken has a blank"),
                                      std::pair("sixteen-bytes-or-more ", "AdminToken has a blank"),
                                      std::pair("sixteen-bytes\tor-more", "AdminToken")}) {
      const std::string file = dir.write("token", token + std::string("\n")).string();
      EXPECT_FALSE(parse(kRequired + "AdminTokenFile: " + file, {}, role)) << token;
      EXPECT_CONTAINS(error_of(parse(kRequired, {{"RINGGATE_ADMINTOKEN", token}}, role)),
                      token == std::string("sixteen-bytes\tor-more") ? "control" : says);
    }
    EXPECT_CONTAINS(
        error_of(parse(kRequired + "AdminToken: " + std::string(kDevelopmentSecret), {}, role)),
        "AdminToken is the development secret");
    EXPECT_TRUE(parse(kRequired + "AdminToken: 16-bytes-of-them\n", {}, role));
  }
}

TEST(ConfigSecrets, ATokenOfTwoLinesIsRefused) {
  const TempDir dir;
  const std::string file = dir.write("token", "of the file\nX-Header: 1\n").string();
  EXPECT_CONTAINS(error_of(parse(kRequired + "AdminTokenFile: " + file)), "more than one line");
}

// SIGHUP must not hold up the control thread for good, nor fill the memory.
TEST(ConfigFiles, APipeThatNobodyWritesToAndAnEndlessFileAreRefused) {
  const TempDir dir;
  const std::string pipe = (dir.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_CONTAINS(error_of(load_config(pipe, ProcessRole::kGateway)), "ServiceID is missing");
  const UniqueFd silent(open(pipe.c_str(), O_RDWR));
  EXPECT_CONTAINS(error_of(load_config(pipe, ProcessRole::kGateway)), "a pipe that has not ended");
  EXPECT_CONTAINS(error_of(load_config("/dev/zero", ProcessRole::kGateway)), "longer");
  const std::string base = "ServiceID: g\nRegistryFile: f\n";
  EXPECT_CONTAINS(error_of(parse(base + "AppSecretFile: " + pipe)), "a pipe that has not ended");
  EXPECT_CONTAINS(error_of(parse(base + "AppSecretFile: /dev/zero")), "longer");
  EXPECT_CONTAINS(error_of(parse(kRequired + "ConsulCA: " + pipe)), "not a regular file");
}

TEST(ConfigFiles, APipeThatIsWrittenToIsRead) {
  const TempDir dir;
  const std::string pipe = (dir.path() / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(open(pipe.c_str(), O_RDONLY | O_NONBLOCK));
  UniqueFd writer(open(pipe.c_str(), O_WRONLY));
  std::thread late([&] {
    const std::string text = kRequired + "Zone: a\n";
    EXPECT_EQ(write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    writer.reset();
  });
  const auto config = load_config(pipe, ProcessRole::kGateway);
  late.join();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->zone, "a");
}

}  // namespace
}  // namespace ringgate::test
