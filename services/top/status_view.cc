#include "services/top/status_view.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "control/base/text.h"

namespace ringgate::top {
namespace {

namespace dom = simdjson::dom;

// What is missing or of another kind is nothing: an older gateway has less to say.
std::string text_of(dom::element from, std::string_view key) {
  std::string_view text;
  return from[key].get(text) == simdjson::SUCCESS ? printable(text) : std::string();
}
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    lines.push_back(printable(line));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines;
}
std::uint64_t count_of(dom::element from, std::string_view key) {
  std::uint64_t number = 0;
  return from[key].get(number) == simdjson::SUCCESS ? number : 0;
}
std::optional<double> number_of(dom::element from, std::string_view key) {
  double number = 0;
  if (from[key].get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}
template <class Use>
void for_each(dom::element from, std::string_view key, Use&& use) {
  dom::array all;
  if (from[key].get(all) != simdjson::SUCCESS) return;
  for (const dom::element one : all) use(one);
}

// By the names of fields: there may be more of them one day.
constexpr std::array<std::pair<std::string_view, double StatusSample::*>, 9> kFields = {{
    {"clients", &StatusSample::clients},
    {"channels", &StatusSample::channels},
    {"logins", &StatusSample::logins},
    {"loginsBad", &StatusSample::logins_bad},
    {"in", &StatusSample::in},
    {"out", &StatusSample::out},
    {"errors", &StatusSample::errors},
    {"bytesIn", &StatusSample::bytes_in},
    {"bytesOut", &StatusSample::bytes_out},
}};

StatusSample read_sample(dom::element row, const std::vector<std::string>& fields) {
  StatusSample sample;
  dom::array values;
  if (row.get(values) != simdjson::SUCCESS) return sample;
  std::size_t at = 0;
  for (const dom::element value : values) {
    double number = 0;
    if (at < fields.size() && value.get(number) == simdjson::SUCCESS) {
      if (fields[at] == "time") sample.unix_ms = static_cast<std::int64_t>(number);
      for (const auto& [name, member] : kFields) {
        if (fields[at] == name) sample.*member = number;
      }
    }
    ++at;
  }
  return sample;
}

void take_history(dom::element history, StatusView& view) {
  std::vector<std::string> fields;
  for_each(history, "fields", [&](dom::element field) {
    std::string_view name;
    fields.emplace_back(field.get(name) == simdjson::SUCCESS ? name : "");
  });
  std::vector<StatusSample> samples;
  for_each(history, "samples",
           [&](dom::element row) { samples.push_back(read_sample(row, fields)); });
  const std::uint64_t next = count_of(history, "next");
  // Another process, or we were away for longer than it remembers.
  if (next - samples.size() != view.next) view.samples.clear();
  view.next = next;
  view.samples.insert(view.samples.end(), samples.begin(), samples.end());
  while (view.samples.size() > view.history_s) view.samples.pop_front();
}

InstanceRow read_instance(dom::element from) {
  InstanceRow row;
  row.service = text_of(from, "service");
  row.id = text_of(from, "id");
  row.address = text_of(from, "address");
  row.state = text_of(from, "state");
  row.forwards = number_of(from, "forwardsPerSecond").value_or(0);
  row.failures = number_of(from, "failuresPerSecond").value_or(0);
  row.answer_ms = number_of(from, "answerMs");
  row.outstanding = count_of(from, "outstanding");
  row.queued_bytes = count_of(from, "queuedBytes");
  row.ejected = count_of(from, "ejectedByShards");
  for_each(from, "links", [&](dom::element link) {
    ++row.links;
    if (text_of(link, "state") == "up") {
      ++row.links_up;
    } else if (row.last_error.empty()) {
      row.last_error = text_of(link, "lastError");
    }
  });
  return row;
}

}  // namespace

Result<void> StatusView::take(std::string_view json) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return run_error("the answer is no status of a gateway");
  }
  version = text_of(root, "version");
  service_id = text_of(root, "serviceId");
  service_name = text_of(root, "serviceName");
  now_unix_ms = static_cast<std::int64_t>(count_of(root, "now"));
  uptime_s = count_of(root, "uptimeSeconds");
  shards = count_of(root, "shards");
  room = count_of(root, "room");
  history_s = count_of(root, "historySeconds");
  problems.clear();
  std::string_view lines;
  if (root["problem"].get(lines) == simdjson::SUCCESS) problems = lines_of(lines);
  dom::element part;
  if (root["history"].get(part) == simdjson::SUCCESS) take_history(part, *this);
  instances.clear();
  if (root["links"].get(part) == simdjson::SUCCESS && part.is_object()) {
    for_each(part, "services",
             [this](dom::element one) { instances.push_back(read_instance(one)); });
  }
  clients.clear();
  if (root["heaviest"].get(part) == simdjson::SUCCESS && part.is_object()) {
    for_each(part, "channels", [this](dom::element one) {
      clients.push_back({text_of(one, "account"), text_of(one, "app"), text_of(one, "remoteIP"),
                         count_of(one, "queuedBytes"), count_of(one, "sendingMs"),
                         count_of(one, "outstanding")});
    });
  }
  std::ranges::sort(clients, std::greater<>(), &ClientRow::queued_bytes);
  closes.clear();
  for_each(root, "closes", [this](dom::element one) {
    closes.push_back({text_of(one, "reason"), count_of(one, "lastMinute"), count_of(one, "all")});
  });
  return {};
}

}  // namespace ringgate::top
