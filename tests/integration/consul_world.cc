#include "tests/integration/consul_world.h"

#include <httplib.h>
#include <simdjson.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "services/store/message_ids.h"
#include "tests/common/free_port.h"

namespace ringgate::test {
namespace {

namespace dom = simdjson::dom;

httplib::Headers headers_of(const HttpFields& fields) {
  return {fields.begin(), fields.end()};
}

HttpAnswer answer_of(const httplib::Result& result) {
  return result ? HttpAnswer{result->status, result->body} : HttpAnswer{};
}

std::string text_at(const dom::element& object, std::string_view key) {
  return std::string(std::string_view(object[key]));
}

std::string text_or_null_at(const dom::element& object, std::string_view key) {
  return object[key].is_null() ? std::string() : text_at(object, key);
}

KnownInstance read_instance(const dom::element& row) {
  KnownInstance instance{text_at(row, "service"), text_at(row, "address"), text_at(row, "zone"),
                         text_at(row, "state"),   row["outstanding"],      {}};
  for (const dom::element link : dom::array(row["links"])) {
    instance.links.push_back(
        {text_at(link, "state"), text_at(link, "lastError"), text_or_null_at(link, "lastErrorAt")});
  }
  return instance;
}

}  // namespace

HttpAnswer http_get(std::uint16_t port, const std::string& path, const HttpFields& fields) {
  httplib::Client client("127.0.0.1", port);
  return answer_of(client.Get(path, headers_of(fields)));
}

HttpAnswer http_post(std::uint16_t port, const std::string& path, const HttpFields& fields) {
  httplib::Client client("127.0.0.1", port);
  return answer_of(client.Post(path, headers_of(fields), "", "text/plain"));
}

bool KnownInstance::is_up() const {
  return !links.empty() &&
         std::ranges::all_of(links, [](const Lane& link) { return link.state == "up"; });
}

// Errors of simdjson are exceptions: the page is not what it should be.
KnownInstances known_instances(const Server& gateway) {
  const HttpAnswer answer = http_get(gateway.monitor(), "/services");
  if (answer.status != 200) throw std::runtime_error("/services: " + answer.body);
  dom::parser parser;
  const dom::element root = parser.parse(answer.body);
  KnownInstances instances;
  for (const dom::element row : dom::array(root["services"])) {
    instances.insert_or_assign(text_at(row, "id"), read_instance(row));
  }
  return instances;
}

void wait_until_up(const Server& gateway, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    wait_until("links to " + id, [&] {
      const KnownInstances known = known_instances(gateway);
      const auto at = known.find(id);
      return at != known.end() && at->second.is_up() && at->second.state == "adult";
    });
  }
}

Settings ConsulWorld::settings(const std::string& role, const Settings& more) const {
  Settings all = more;
  all.emplace("RegistryFile", "");
  all.emplace("ConsulURL", agent.address());
  all.emplace("ConsulCheckInterval", "1s");
  all.emplace("ConsulRecheck", "100ms");
  if (role == "login" || role == "chat") all.emplace("RedisAddrs", redis.address());
  const auto monitor = all.emplace("MonitorPort", std::to_string(free_port())).first;
  if (role == "gateway") all.emplace("AdminPort", monitor->second);
  return all;
}

std::unique_ptr<Server> ConsulWorld::start(const std::string& role, const std::string& id,
                                           const Settings& more) const {
  return std::make_unique<Server>(files, role, id, settings(role, more));
}

std::string ConsulWorld::passing(const std::string& name) const {
  const ConsulAnswer answer = agent.get("/v1/health/service/" + name + "?passing");
  if (answer.status != 200) return "(no answer)";
  dom::parser parser;
  const dom::element root = parser.parse(answer.body);
  std::vector<std::string> ids;
  for (const dom::element entry : dom::array(root)) ids.push_back(text_at(entry["Service"], "ID"));
  std::ranges::sort(ids);
  std::string joined;
  for (const std::string& id : ids) joined += (joined.empty() ? "" : " ") + id;
  return joined;
}

ConsulBench::ConsulBench(std::size_t chat_count, const Settings& gateway_settings) {
  std::vector<std::string> ids = {"login01"};
  login = world.start("login", "login01");
  for (std::size_t i = 1; i <= chat_count; ++i) {
    ids.push_back("chat0" + std::to_string(i));
    chats.push_back(world.start("chat", ids.back()));
  }
  // Those that a gateway finds at its start are adult at once.
  const std::size_t blanks = chat_count - 1;
  wait_until("login and chat pass", [&] {
    const std::string passing = world.passing("chat");
    return world.passing("login") == "login01" && !passing.empty() &&
           std::ranges::count(passing, ' ') == static_cast<std::ptrdiff_t>(blanks);
  });
  gateway = world.start("gateway", "gateway01", gateway_settings);
  wait_until_up(*gateway, ids);
}

std::int64_t node_of(std::int64_t message_id) {
  return (message_id >> 12) & 1023;
}

std::int64_t node_that_answers(Client& client) {
  client.send(talk("nobody", "who are you", 77));
  const Event answer = client.next();
  if (!answer.is_answer(77)) throw std::runtime_error("talk: no success");
  return node_of(answer.parse<pkt::MessageResp>().messageid());
}

}  // namespace ringgate::test
