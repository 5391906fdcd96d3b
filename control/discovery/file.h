// The registry in a JSON file: for one machine, or for a directory that several share. Operators
// write it by hand, and processes enter and remove themselves. Belongs to one control thread.
//
//   {"services":[{"id":"chat01","name":"chat","address":"127.0.0.1","port":8101,"protocol":"tcp",
//                 "zone":"zone_a","tags":["IDC:SH"],"meta":{"lanes":"1"}}]}
//
// id, name, address and port are required; an unknown key is a mistake. The file's directory is
// watched, since editors and `mv` put a new file in its place. A file that is missing when the
// registry is opened is an empty one.
//
// What goes wrong later is reported (problem(), and once to on_problem):
//   the file is missing                  the known services stay in use
//   it cannot be read, or is no JSON     the same, and it is read again, with growing pauses, until
//                                        it can be: what was in the way need not change the file
//   an entry is wrong                    it is refused, and the known service of its id stays;
//                                        where the id cannot be told, or no entry is right, no
//                                        service is removed
//
// register_service() puts the entry into the file in place of one with the same id (left behind by
// a crash, say), creating the file if need be: written beside it and renamed over it, under a lock
// on FILE.lock, so that processes that register at the same time do not lose each other's entries.
// It waits at most 2 s for the lock. One that fails is tried again from on_ready(), and so is one
// whose entry has gone since, with the file or alone, until deregister().
//
// claim() is exact: the kernel knows who lives (IdClaims).
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/backoff.h"
#include "control/base/unique_fd.h"
#include "control/discovery/file_store.h"
#include "control/discovery/id_claims.h"
#include "control/discovery/registry.h"
#include "control/discovery/subscriptions.h"

namespace ringgate {

class FileRegistry final : public Registry {
 public:
  using ProblemHandler = std::function<void(const Error&)>;

  // An error if the file is there and cannot be read or parsed, or if its directory is not there.
  static Result<std::unique_ptr<FileRegistry>> open(const std::filesystem::path& file,
                                                    ProblemHandler on_problem);

  Result<std::vector<Instance>> find(std::string_view name) override;
  Result<void> subscribe(std::string_view name, Watcher watcher) override;
  void unsubscribe(std::string_view name) override;
  Result<void> claim(const Instance& service, bool takeover) override;
  void leave(std::string_view id) override;
  // An error if the id belongs to a service of another name.
  Result<void> register_service(const Instance& service) override;
  // Removes only what this object registered, and only if nobody replaced it since.
  Result<void> deregister(std::string_view id) override;
  int fd() const override { return inotify_fd_.get(); }
  void on_ready() override;
  std::optional<Error> problem() const override { return problem_; }

 private:
  FileRegistry(std::filesystem::path file, ProblemHandler on_problem, UniqueFd inotify_fd);
  Result<void> watch_directory();
  bool drain_events();  // True: the file was replaced, or may have been.
  void register_pending();
  void miss_ours(const InstanceList& stored);
  void reload();
  void take(StoredInstances stored);
  void report(Error error);
  void report_refused(const std::vector<RefusedInstance>& refused);
  std::vector<Instance> current(std::string_view name) const;

  const std::filesystem::path file_;
  const ProblemHandler on_problem_;
  const UniqueFd inotify_fd_;
  IdClaims claims_;
  std::set<std::string, std::less<>> to_claim_;  // once who has it has ended
  int watch_ = -1;                               // -1: the directory is not watched (any more).
  std::optional<FileIdentity> seen_;             // The version that was read last, good or bad.
  // When one that could not be read is read again.
  std::optional<std::chrono::steady_clock::time_point> retry_at_;
  Backoff retry_backoff_;
  std::vector<Instance> services_;  // Sorted by id.
  std::optional<Error> problem_;
  std::vector<std::string> refused_;  // What was reported of the entries of seen_.
  std::map<std::string, Instance, std::less<>> registered_;  // By us, by id.
  std::map<std::string, Instance, std::less<>> pending_;     // What could not be, by id.
  std::set<std::string, std::less<>> leaving_;               // What was deregistered.
  std::chrono::steady_clock::time_point register_at_;        // When that is tried again.
  Backoff register_backoff_;
  std::minstd_rand random_{std::random_device{}()};
  Subscriptions subscriptions_;
};

}  // namespace ringgate
