#include "services/cli/store.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "control/base/standard_output.h"
#include "control/config/config.h"
#include "services/logic/component.h"
#include "services/store/message_options.h"

namespace ringgate {
namespace {

struct StoreOptions {
  std::string config_file;
  std::string url;
};

Result<std::string> url_of(const StoreOptions& options) {
  if (!options.url.empty()) return options.url;
  const Result<Config> config = load_config(options.config_file, ProcessRole::kChat);
  if (!config) return std::unexpected(config.error());
  return message_store_options(*config, 0).url;
}

// An error of the URL says nothing of where it stands.
template <class T>
Result<T> naming_the_url(Result<T> result, const StoreOptions& options) {
  if (result || result.error().exit_code != 2) return result;
  return usage_error("{} {}", options.url.empty() ? "MessageStore" : "--store",
                     result.error().message);
}

Result<bool> check(const StoreOptions& options) {
  const Result<std::string> url = url_of(options);
  if (!url) return std::unexpected(url.error());
  const auto report = naming_the_url(check_message_store(*url), options);
  if (!report) return std::unexpected(report.error());
  const bool is_good = report->version == report->known;
  std::string text;
  if (is_good) {
    text = fmt::format("{} is good: schema {}, {} messages, {} groups\n", report->name,
                       report->version, report->messages, report->groups);
  } else {
    text = fmt::format(
        "{} has schema {} of {}: run \"ringgate store migrate\", or start a chat service, which "
        "does it, too\n",
        report->name, report->version, report->known);
  }
  if (auto printed = print_out(text); !printed) return std::unexpected(printed.error());
  return is_good;
}

Result<bool> migrate(const StoreOptions& options) {
  const Result<std::string> url = url_of(options);
  if (!url) return std::unexpected(url.error());
  const auto before = naming_the_url(migrate_message_store(*url), options);
  if (!before) return std::unexpected(before.error());
  const std::string text =
      before->version == before->known
          ? fmt::format("{} has schema {} already\n", before->name, before->version)
          : fmt::format("{} had schema {} and has {} now\n", before->name, before->version,
                        before->known);
  if (auto printed = print_out(text); !printed) return std::unexpected(printed.error());
  return true;
}

void add_action(CLI::App& store, CommandResult& result, const std::string& name,
                const std::string& description, Result<bool> (*act)(const StoreOptions& options)) {
  CLI::App* const command = store.add_subcommand(name, description);
  const auto options = std::make_shared<StoreOptions>();
  CLI::Option_group* const which = command->add_option_group("where", "Which store");
  which
      ->add_option("-c,--config", options->config_file,
                   "The chat service's configuration file, for its MessageStore")
      ->type_name("FILE");
  which
      ->add_option("--store", options->url,
                   "The URL itself; who lists processes sees a password that is in it")
      ->type_name("URL");
  which->require_option(1);
  command->callback([options, act, &result] {
    const Result<bool> good = act(*options);
    result.exit_code = !good ? report_error(good.error()) : *good ? 0 : 1;
  });
}

}  // namespace

CLI::App* add_store_command(CLI::App& root, CommandResult& result) {
  CLI::App* const store =
      root.add_subcommand("store", "The message store: whether it is good, and its tables");
  store->require_subcommand(1);
  add_action(*store, result, "check",
             "Says what is in it and whether it can be written to, and changes nothing: exit code "
             "0 if a service can use it as it is, 1 if not",
             check);
  add_action(*store, result, "migrate",
             "Brings its tables up to what this ringgate knows, as a chat service does at start",
             migrate);
  return store;
}

}  // namespace ringgate
