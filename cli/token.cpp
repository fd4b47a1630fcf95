#include "cli/token.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "tokenizer/tokenizer.hpp"

namespace hawser::cli {
namespace {

struct CountOptions {
  std::string encoding{};
  std::string model = "gpt-4o";
  std::string file = "-";
  bool batch = false;
  bool ids = false;
};

void print(const tokenizer::Tokenizer& tokenizer, const std::string& text, bool ids) {
  if (!ids) {
    std::cout << tokenizer.count(text) << '\n';
    return;
  }
  std::vector<tokenizer::Rank> tokens;
  tokenizer.encode(text, tokens);
  std::string line;
  for (const auto token : tokens) line += (line.empty() ? "" : " ") + std::to_string(token);
  std::cout << line << '\n';
}

int count(const CountOptions& options) {
  std::ifstream file;
  if (options.file != "-") file.open(options.file, std::ios::binary);
  std::istream& in = options.file == "-" ? std::cin : file;
  if (!in) {
    std::cerr << "hawser: cannot read " << options.file << '\n';
    return 1;
  }
  const auto named = tokenizer::encoding_named(options.encoding);
  const tokenizer::Tokenizer tokenizer(named ? *named : tokenizer::encoding_for(options.model));
  if (!options.batch) {
    print(tokenizer, std::string(std::istreambuf_iterator<char>(in), {}), options.ids);
    return 0;
  }
  std::string line, text;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (!decode_json_string(line, text)) {
      std::cerr << "hawser: line " << number << " is no JSON string\n";
      return 1;
    }
    print(tokenizer, text, options.ids);
  }
  return 0;
}

}  // namespace

void add_token_commands(CLI::App& command, int& status) {
  command.require_subcommand(1);
  auto* counting = command.add_subcommand("count", "Count the tokens of a text, exactly");
  const auto options = std::make_shared<CountOptions>();
  auto* encoding = counting->add_option("--encoding", options->encoding, "o200k or cl100k")
                       ->check(CLI::IsMember({"o200k", "cl100k", "o200k_base", "cl100k_base"}));
  counting->add_option("-m,--model", options->model, "OpenAI's model of that text (gpt-4o)")
      ->excludes(encoding);
  counting->add_option("file", options->file, "Where the text is; - reads standard input");
  counting->add_flag("--batch", options->batch, "Each line of the input is a JSON string");
  counting->add_flag("--ids", options->ids, "Print the tokens instead of their number");
  counting->callback([options, &status] { status = count(*options); });
}

}  // namespace hawser::cli
