#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>

namespace hawser {

/// Credentials live in this process's memory: it leaves no core, and no program of another user,
/// nor of the same one, reads its memory or its environment.
inline void forbid_core_dumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace hawser
