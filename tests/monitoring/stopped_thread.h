// One thread of a process that stands still, while the others go on.
#pragma once

#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ringgate::test {

// For as long as it lives. The process is a child of this one, as ptrace(2) may ask for.
class StoppedThread {
 public:
  StoppedThread(pid_t process, const std::string& name) : thread_(find(process, name)) {
    if (ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0 ||
        ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0 ||
        waitpid(thread_, nullptr, __WALL) != thread_) {
      throw std::system_error(errno, std::generic_category(), "cannot stop " + name);
    }
  }
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;
  ~StoppedThread() { ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }

 private:
  static pid_t find(pid_t process, const std::string& name) {
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      std::string its_name;
      std::getline(std::ifstream(task.path() / "comm"), its_name);
      if (its_name == name) return std::stoi(task.path().filename().string());
    }
    throw std::runtime_error("there is no thread " + name);
  }

  pid_t thread_;
};

}  // namespace ringgate::test
