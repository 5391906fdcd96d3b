#include "services/client/text.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "codec/header_scan.h"
#include "codec/utf8.h"
#include "control/base/text.h"

namespace ringgate::client {
namespace {

constexpr std::string_view kBlanks = " \t\r";

// Cuts the first word off `text`; what is left of it starts with the next word.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = text.find_first_of(kBlanks);
  const std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : trim(text.substr(end));
  return word;
}

Command invalid(std::string text) {
  return {Command::Kind::kInvalid, {}, std::move(text)};
}

Command parse_talk(std::string_view rest) {
  const std::string_view to = take_word(rest);
  if (to.empty() || rest.empty()) return invalid("talk: write `talk NAME TEXT`");
  return {Command::Kind::kTalk, std::string(to), std::string(rest)};
}

Command parse_echo(std::string_view rest) {
  if (rest.empty()) return invalid("echo: write `echo TEXT`");
  return {Command::Kind::kEcho, {}, std::string(rest)};
}

}  // namespace

Command parse_command(std::string_view line) {
  if (!is_utf8(line)) return invalid("this line is not UTF-8: nothing was sent");
  std::string_view rest = trim(line);
  const std::string_view word = take_word(rest);
  if (word.empty()) return {};
  if (word == "talk") return parse_talk(rest);
  if (word == "echo") return parse_echo(rest);
  Command::Kind kind = Command::Kind::kInvalid;
  if (word == "ping") kind = Command::Kind::kPing;
  if (word == "quit") kind = Command::Kind::kQuit;
  if (word == "help") kind = Command::Kind::kHelp;
  if (kind == Command::Kind::kInvalid) {
    return invalid(fmt::format("{}: no such command; `help` lists them", printable(word)));
  }
  if (!rest.empty()) return invalid(fmt::format("{}: nothing may follow it", word));
  return {kind, {}, {}};
}

std::string_view help() noexcept {
  return "ping            measure the way to the gateway and back\n"
         "talk NAME TEXT  send a message to an account\n"
         "echo TEXT       have the echo service send a text back\n"
         "quit            wait for outstanding answers, then leave (so does the end of the input)\n"
         "help            this list";
}

std::string explain_status(std::uint32_t status) {
  constexpr Status kUnknown{0xffff};
  std::string_view sentence = "the service answered with an error";
  switch (status <= 0xffff ? static_cast<Status>(status) : kUnknown) {
    case Status::kSuccess:
      sentence = "it worked";
      break;
    case Status::kNoDestination:
      sentence = "no destination was given";
      break;
    case Status::kInvalidPacketBody:
      sentence = "the service could not read the request";
      break;
    case Status::kInvalidCommand:
      sentence = "the gateway does not take this command here";
      break;
    case Status::kUnauthorized:
      sentence = "the token was refused";
      break;
    case Status::kSystemException:
      sentence = "the service is unavailable or the outcome is unknown";
      break;
    case Status::kNotImplemented:
      sentence = "the service does not know this command";
      break;
    case Status::kSessionNotFound:
      sentence = "the service does not know this session: log in again";
      break;
  }
  return fmt::format("{} (status {})", sentence, status);
}

std::string format_utc(std::int64_t unix_ns) {
  constexpr std::int64_t kNsPerS = 1'000'000'000;
  std::int64_t seconds = unix_ns / kNsPerS;
  std::int64_t rest_ns = unix_ns % kNsPerS;
  if (rest_ns < 0) {
    rest_ns += kNsPerS;
    --seconds;
  }
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  if (gmtime_r(&time, &utc) == nullptr) return std::to_string(unix_ns);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     rest_ns / 1'000'000);
}

}  // namespace ringgate::client
