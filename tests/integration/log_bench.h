// A gateway whose log is a file, and that file as it can be read.
#pragma once

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {

// A line of the log as it was parsed: fields to what is in them.
using LogLine = std::map<std::string, std::string>;

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) {
    if (!all.eof()) lines.push_back(line);  // what has no end may still be written
  }
  return lines;
}

// A line that is no object fails the test.
inline LogLine parse_line(const std::string& line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(line).get(object) != simdjson::SUCCESS) {
    ADD_FAILURE() << "no JSON object: " << line;
    return {};
  }
  LogLine fields;
  for (const auto field : object) {
    std::string_view text;
    const bool is_text = field.value.get(text) == simdjson::SUCCESS;
    fields[std::string(field.key)] = is_text ? std::string(text) : simdjson::to_string(field.value);
  }
  return fields;
}

class LogFile {
 public:
  explicit LogFile(const World& world, const std::string& name = "ringgate.log")
      : path_(world.folder().path() / name) {}
  [[nodiscard]] std::filesystem::path path() const { return path_; }
  [[nodiscard]] std::string text() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::vector<LogLine> lines() const {
    std::vector<LogLine> all;
    for (const std::string& line : lines_of(text())) all.push_back(parse_line(line));
    return all;
  }
  // The first line of that event whose fields are these.
  LogLine wait_for(const std::string& event, const LogLine& fields = {}) const {
    LogLine found;
    wait_until("the event " + event, [&] {
      for (LogLine& line : lines()) {
        const bool fits = std::ranges::all_of(
            fields, [&](const auto& field) { return line[field.first] == field.second; });
        if (line["event"] != event || !fits) continue;
        found = std::move(line);
        return true;
      }
      return false;
    });
    return found;
  }

 private:
  std::filesystem::path path_;
};

// A gateway whose log is a file of JSON, and whose login service is the test.
struct LogBench {
  explicit LogBench(const Settings& settings = {})
      : gateway(world, "gateway", "g1", with_log(settings)), link(login.accept()) {}
  [[nodiscard]] Settings with_log(Settings settings) const {
    settings.emplace("LogFormat", "json");
    settings.emplace("LogFile", file.path().string());
    settings.emplace("AdminPort", std::to_string(admin));
    return settings;
  }
  std::string ask(const std::string& method, const std::string& target,
                  const std::string& host = {}) const {
    Socket socket = Socket::connect(admin);
    const std::string name = host.empty() ? "127.0.0.1:" + std::to_string(admin) : host;
    socket.write_all(method + " " + target + " HTTP/1.1\r\nHost: " + name + "\r\n\r\n");
    std::string text;
    while (socket.read_some(text)) {
    }
    return text;
  }
  Client log_in(const std::string& account) { return test::log_in(gateway, link, account); }

  World world;
  LogFile file{world};
  std::uint16_t admin = free_port();
  RawService login{world, "login01", "login"};
  Server gateway;
  Link link;
};

// A client that is refused with a token that is none.
inline void be_refused(const Server& gateway) {
  FrameSocket client = gateway.connect();
  client.send(login("no.token.atall"));
  while (client.next().kind != Event::Kind::kEnd) {
  }
}

}  // namespace ringgate::test
