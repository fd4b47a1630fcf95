#include "watch.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace hawser::bench {

Nanoseconds cpu_of(const std::string& pids) {
  Nanoseconds sum = 0;
  std::istringstream list(pids);
  for (std::string pid; std::getline(list, pid, ',');) {
    const std::filesystem::path tasks = "/proc/" + pid + "/task";
    if (!std::filesystem::exists(tasks)) throw std::runtime_error("no process " + pid);
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      Nanoseconds used = 0;
      std::ifstream(task.path() / "schedstat") >> used;
      sum += used;
    }
  }
  return sum;
}

Nanoseconds own_cpu() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * a_second + time.tv_nsec;
}

}  // namespace hawser::bench
