#include "control/discovery/file.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/observe/log_event.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

// Not IN_CREATE: a file that is being written is not there before IN_CLOSE_WRITE.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

// The file is looked at about once a second, so that the first pauses are as long as that.
constexpr std::chrono::milliseconds kRetryMin{100};
constexpr std::chrono::milliseconds kRetryMax{5000};
constexpr std::size_t kMostReported = 20;  // entries, one by one

// Through symbolic links, as it is written: every name of the file stands for the same ids.
std::filesystem::path real_path(const std::filesystem::path& file) {
  std::error_code failure;
  const std::filesystem::path target = std::filesystem::weakly_canonical(file, failure);
  return failure ? file : target;
}

std::filesystem::path directory_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

}  // namespace

Result<std::unique_ptr<FileRegistry>> FileRegistry::open(const std::filesystem::path& file,
                                                         ProblemHandler on_problem) {
  if (!file.has_filename()) return run_error("registry file: give a file, not a directory");
  UniqueFd inotify_fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_fd) {
    const int error = errno;
    // inotify has a limit of its own that is told by the same error.
    const UniqueFd other(eventfd(0, EFD_CLOEXEC));
    if (!other) return run_error("cannot watch {}: {}", file.string(), why_no_descriptor(errno));
    return run_error("cannot watch {}: {}; raise fs.inotify.max_user_instances (sysctl)",
                     file.string(), std::strerror(error));
  }
  std::unique_ptr<FileRegistry> registry(
      new FileRegistry(file, std::move(on_problem), std::move(inotify_fd)));
  // Watched before it is read, so that no change falls in between.
  if (auto watched = registry->watch_directory(); !watched) {
    return std::unexpected(watched.error());
  }
  auto stored = read_services(file);
  if (!stored) return std::unexpected(stored.error());
  if (*stored) registry->take(std::move(**stored));
  return registry;
}

FileRegistry::FileRegistry(std::filesystem::path file, ProblemHandler on_problem,
                           UniqueFd inotify_fd)
    : file_(std::move(file)),
      on_problem_(std::move(on_problem)),
      inotify_fd_(std::move(inotify_fd)),
      claims_(real_path(file_)) {}

Result<void> FileRegistry::claim(const Instance& service, bool takeover) {
  if (claims_.take(service.id) != IdClaim::kTaken) return {};
  Instance living = service;
  living.address.clear();  // where it is, the file says, unless it starts or drains
  if (const auto stored = read_services(file_); stored && *stored) {
    const auto at = std::ranges::find((*stored)->services, service.id, &Instance::id);
    if (at != (*stored)->services.end()) living = *at;
  }
  if (!takeover) return std::unexpected(id_is_taken(living));
  to_claim_.insert(service.id);
  return {};
}

Result<std::vector<Instance>> FileRegistry::find(std::string_view name) {
  return current(name);
}

Result<void> FileRegistry::subscribe(std::string_view name, Watcher watcher) {
  subscriptions_.add(name, std::move(watcher), current(name));
  return {};
}

void FileRegistry::unsubscribe(std::string_view name) {
  subscriptions_.remove(name);
}

Result<void> FileRegistry::register_service(const Instance& service) {
  if (auto checked = check_service(service); !checked) return checked;
  leaving_.erase(service.id);
  const auto put = [&](std::vector<Instance>& services) -> Result<bool> {
    // A file that has gone is put back whole: else those who are not back yet would seem to have
    // left.
    const bool is_gone = !identity_of(file_);
    if (is_gone) services = services_;
    const auto at = std::ranges::find(services, service.id, &Instance::id);
    if (at == services.end()) {
      services.push_back(service);
      return true;
    }
    if (at->name != service.name) {
      return run_error(
          "{}: id {} belongs to a service named {}, not {}; give this process another ServiceID",
          file_.string(), service.id, at->name, service.name);
    }
    if (*at == service) return is_gone;
    *at = service;
    return true;
  };
  auto updated = update_services(file_, put);
  if (updated) {
    registered_.insert_or_assign(service.id, service);
    pending_.erase(service.id);
  } else {
    pending_.insert_or_assign(service.id, service);
    register_at_ =
        std::chrono::steady_clock::now() + register_backoff_.next(kRetryMin, kRetryMax, random_);
  }
  return updated;
}

void FileRegistry::register_pending() {
  if (pending_.empty() || std::chrono::steady_clock::now() < register_at_) return;
  const std::map<std::string, Instance, std::less<>> pending = pending_;
  for (const auto& [id, service] : pending) {
    auto done = register_service(service);
    if (!done)
      return report(Error{fmt::format("{} is not registered: {}", id, done.error().message)});
    log_event(LogEvent::kRegistered,
              {{"id", id}, {"service", service.name}, {"where", file_.string()}},
              fmt::format("{} ({}) is registered in {}", id, service.name, file_.string()));
  }
  register_backoff_.reset();
}

// Somebody deleted the file, or took an entry of ours out of it, while we go on. An entry that was
// put in place of ours, good or not, is not ours to undo.
void FileRegistry::miss_ours(const InstanceList& stored) {
  for (const auto& [id, service] : registered_) {
    if (leaving_.contains(id) || pending_.contains(id)) continue;
    if (std::ranges::find(stored.services, id, &Instance::id) != stored.services.end()) continue;
    if (std::ranges::find(stored.refused, id, &RefusedInstance::id) != stored.refused.end())
      continue;
    spdlog::warn("{} ({}) is not in {} any more; it is entered again", id, service.name,
                 file_.string());
    pending_.emplace(id, service);
    register_at_ = {};
  }
}

Result<void> FileRegistry::deregister(std::string_view id) {
  if (const auto waits = pending_.find(id); waits != pending_.end()) pending_.erase(waits);
  leaving_.emplace(id);
  const auto ours = registered_.find(id);
  if (ours == registered_.end()) return {};
  auto updated = update_services(file_, [&](std::vector<Instance>& services) -> Result<bool> {
    return std::erase(services, ours->second) != 0;
  });
  if (updated) registered_.erase(ours);
  return updated;
}

void FileRegistry::leave(std::string_view id) {
  if (const auto waits = pending_.find(id); waits != pending_.end()) pending_.erase(waits);
  if (const auto ours = registered_.find(id); ours != registered_.end()) registered_.erase(ours);
}

void FileRegistry::on_ready() {
  std::erase_if(to_claim_,
                [this](const std::string& id) { return claims_.take(id) != IdClaim::kTaken; });
  register_pending();
  const bool told = drain_events();
  if (watch_ < 0) {
    if (auto watched = watch_directory(); !watched) {
      report(std::move(watched.error()));
      return;
    }
  }
  const bool is_due = retry_at_ && std::chrono::steady_clock::now() >= *retry_at_;
  if (told || is_due || identity_of(file_) != seen_) reload();
  register_pending();
}

Result<void> FileRegistry::watch_directory() {
  const std::string directory = directory_of(file_).string();
  watch_ = inotify_add_watch(inotify_fd_.get(), directory.c_str(), kEvents);
  if (watch_ >= 0) return {};
  const char* mend = errno == ENOSPC ? "raise fs.inotify.max_user_watches (sysctl)"
                                     : "the directory has to exist and be readable";
  return run_error("cannot watch {}: {}; {}", directory, std::strerror(errno), mend);
}

bool FileRegistry::drain_events() {
  bool told = false;
  alignas(inotify_event) char buffer[8 * 1024];
  for (;;) {
    const ssize_t got = read(inotify_fd_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return told;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      const char* name = buffer + at + sizeof event;
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) told = true;
      if (event.len != 0 && file_.filename() == name) told = true;
      if (event.wd != watch_) continue;  // Of a watch that is over.
      if ((event.mask & IN_MOVE_SELF) != 0) inotify_rm_watch(inotify_fd_.get(), watch_);
      if ((event.mask & (IN_MOVE_SELF | IN_IGNORED)) != 0) watch_ = -1;
    }
  }
}

void FileRegistry::reload() {
  auto stored = read_services(file_);
  if (!stored) {
    seen_ = identity_of(file_);
    retry_at_ =
        std::chrono::steady_clock::now() + retry_backoff_.next(kRetryMin, kRetryMax, random_);
    report(std::move(stored.error()));
    return;
  }
  retry_at_.reset();
  retry_backoff_.reset();
  if (!*stored) {
    const bool was_there = seen_.has_value();
    seen_.reset();
    if (was_there) {
      report(Error{fmt::format("{} is gone; put it back", file_.string())});
    }
    return miss_ours({});
  }
  miss_ours(**stored);
  take(std::move(**stored));
  subscriptions_.tell_changes([this](const std::string& name) { return current(name); });
}

void FileRegistry::take(StoredInstances stored) {
  seen_ = stored.identity;
  const bool is_any_nameless =
      std::ranges::any_of(stored.refused, [](const auto& entry) { return entry.id.empty(); });
  const bool is_all_wrong = stored.services.empty() && !stored.refused.empty();
  std::vector<Instance> services = std::move(stored.services);
  for (Instance& known : services_) {
    if (std::ranges::find(services, known.id, &Instance::id) != services.end()) continue;
    const bool is_meant =
        std::ranges::find(stored.refused, known.id, &RefusedInstance::id) != stored.refused.end();
    if (is_meant || is_any_nameless || is_all_wrong) services.push_back(std::move(known));
  }
  std::ranges::sort(services, {}, &Instance::id);
  services_ = std::move(services);
  report_refused(stored.refused);
}

void FileRegistry::report(Error error) {
  const bool news = !problem_ || problem_->message != error.message;
  problem_ = std::move(error);
  if (news && on_problem_) on_problem_(*problem_);
}

// Each once, while it stays as it is.
void FileRegistry::report_refused(const std::vector<RefusedInstance>& refused) {
  problem_.reset();
  std::vector<std::string> said;
  for (const RefusedInstance& entry : refused) {
    said.push_back(fmt::format("{}: {}; it is refused", file_.string(), entry.why));
    if (said.size() > kMostReported) {
      said.back() =
          fmt::format("{}: {} more are refused", file_.string(), refused.size() - kMostReported);
    }
    if (!problem_) problem_ = Error{said.back()};
    const bool is_news = std::ranges::find(refused_, said.back()) == refused_.end();
    if (is_news && on_problem_) on_problem_(Error{said.back()});
    if (said.size() > kMostReported) break;
  }
  refused_ = std::move(said);
}

std::vector<Instance> FileRegistry::current(std::string_view name) const {
  std::vector<Instance> found;
  std::ranges::copy_if(services_, std::back_inserter(found),
                       [&](const Instance& service) { return service.name == name; });
  return found;
}

}  // namespace ringgate
