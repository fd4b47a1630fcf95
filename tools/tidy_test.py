"""The house rules find what they are for."""
import pathlib
import tempfile
import unittest

import tidy

ROOT = pathlib.Path(__file__).resolve().parent.parent

FAULTS = {
    "src/stage/route/bad.cpp": ('#include "gateway/worker.hpp"', "must not include gateway"),
    "src/base/bad.cpp": ('#include "net/stream.hpp"', "must not include net"),
    "src/wire/bad.cpp": ("auto x = key.reveal();", "clear text of a Secret"),
    "src/http/long.cpp": ("// " + "x" * 100, "over 100 columns"),
    "src/http/open.cpp": ("// TO" + "DO later", "an open point"),
    "src/http/lambda.cpp": ("auto f = [x]() -> Task<> {", "capturing lambda"),
    "src/http/second.cpp": ('auto a = {"authorization", "x-api-key"};', "the list of credential headers is"),
    "src/http/random.cpp": ("std::mt19937_64 random;", "can be predicted"),
    "src/gateway/views.cpp": ('out += "# HELP x y";', "export/page.hpp alone"),
    "src/http/umbrella.cpp": ("#include <boost/asio.hpp>", "costs every file"),
    "src/http/bad.hpp": ("int x;", "#pragma once"),
    "src/http/string_util.cpp": ("int x;", "not util"),
    "sdk/include/hawser/bad.hpp": ("#include <boost/json/value.hpp>", "only the standard library"),
    "cli/bad.cpp": ('#include "net/stream.hpp"', "must not include net"),
    "sim/bad.cpp": ('#include "gateway/worker.hpp"', "must not include gateway"),
}


class Tidy(unittest.TestCase):
    def test_planted_faults_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src").mkdir()
            for read in ("src/CMakeLists.txt", tidy.CREDENTIALS):
                (root / read).parent.mkdir(parents=True, exist_ok=True)
                (root / read).write_text((ROOT / read).read_text())
            for file, (line, _) in FAULTS.items():
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                (root / file).write_text(line + "\n")
            found = list(tidy.problems(root))
        for file, (_, expected) in FAULTS.items():
            self.assertTrue(any(f.startswith(file) and expected in f for f in found), file)


if __name__ == "__main__":
    unittest.main()
