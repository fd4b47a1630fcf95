#include "cli/audit.hpp"

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "audit/folder.hpp"
#include "audit/proof.hpp"
#include "base/json.hpp"
#include "base/random_bytes.hpp"

namespace hawser::cli {
namespace {

struct Flags {
  std::string folder{};
  std::vector<std::string> keys{};
  std::vector<std::string> witnesses{};
  std::string key_file{};
  std::string proof_file{};
  audit::Selection selection{};
  bool pruned = false;
  bool live = false;
  bool stopped = false;
  bool json = false;
};

int fail(const std::string& message) {
  std::cerr << "hawser: " << message << '\n';
  return 1;
}

std::string trimmed(std::string text) {
  constexpr auto blanks = " \t\r\n";
  text.erase(text.find_last_not_of(blanks) + 1);
  return text.erase(0, std::min(text.find_first_not_of(blanks), text.size()));
}

std::optional<std::string> read_text(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Each is 64 digits, or a file that holds them.
Result<std::vector<audit::PublicKey>> trusted_keys(const std::vector<std::string>& given) {
  std::vector<audit::PublicKey> keys;
  for (const std::string& text : given) {
    auto key = audit::PublicKey::parse(text);
    if (!key) {
      const auto file = read_text(text);
      if (file) key = audit::PublicKey::parse(trimmed(*file));
    }
    if (!key) {
      return Error{.code = Code::invalid_request,
                   .message = text + " is neither a public key (64 digits) nor a file of one"};
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

int make_key(const Flags&) {
  std::cout << to_hex(random_bytes(32)) << '\n';
  return 0;
}

int show_public_key(const Flags& flags) {
  auto text = read_text(flags.key_file);
  if (!text) return fail(flags.key_file + ": cannot be read");
  const auto key = MasterKey::parse(Secret(std::move(*text)));
  if (!key) return fail("the key " + key.error().message);
  std::cout << audit::SigningKey(*key).public_hex() << '\n';
  return 0;
}

void append_texts(std::string& out, const char* name, const std::vector<std::string>& texts) {
  out.append(",\"").append(name).append("\":[");
  for (const auto& text : texts) {
    if (out.back() != '[') out.push_back(',');
    append_json_string(out, text);
  }
  out.push_back(']');
}

std::string json_of(const audit::Report& report) {
  std::string out = "{\"segments\":" + std::to_string(report.segments);
  out += ",\"lines\":" + std::to_string(report.lines);
  out += ",\"roots\":" + std::to_string(report.roots);
  out += ",\"first_seq\":" + std::to_string(report.first_seq);
  out += ",\"last_seq\":" + std::to_string(report.last_seq);
  out += ",\"signed_through\":" + std::to_string(report.signed_through);
  out += ",\"head\":\"" + to_hex(audit::view(report.head)) + "\",\"types\":{";
  for (const auto& [type, count] : report.by_type) {
    if (out.back() != '{') out.push_back(',');
    append_json_string(out, type);
    out += ":" + std::to_string(count);
  }
  out += "}";
  append_texts(out, "problems", report.problems);
  append_texts(out, "remarks", report.remarks);
  return out + "}";
}

void print(const audit::Report& report) {
  for (const auto& remark : report.remarks) std::cout << "note: " << remark << '\n';
  for (const auto& problem : report.problems) std::cout << "PROBLEM: " << problem << '\n';
  if (report.problems_more > 0) {
    std::cout << "PROBLEM: and " << report.problems_more << " more\n";
  }
  std::cout << report.segments << " segments, " << report.lines << " lines (" << report.first_seq
            << " to " << report.last_seq << "), " << report.roots << " roots, signed through "
            << report.signed_through << "\nhead " << report.last_seq << ':'
            << to_hex(audit::view(report.head)) << '\n'
            << (report.problems.empty() ? "good" : "NOT GOOD") << '\n';
}

int verify(const Flags& flags) {
  auto keys = trusted_keys(flags.keys);
  if (!keys) return fail(keys.error().message);
  std::vector<std::shared_ptr<audit::WitnessFile>> witnesses;
  for (const auto& path : flags.witnesses) {
    auto file = audit::WitnessFile::open(path, *keys);
    if (!file) return fail(file.error().message);
    witnesses.push_back(std::move(*file));
  }
  audit::Verifier verifier({*keys, flags.pruned, flags.live, flags.stopped});
  if (!witnesses.empty()) {
    verifier.set_witness([&witnesses]() -> std::optional<audit::SeenRoot> {
      for (const auto& file : witnesses) {
        if (auto root = file->next()) return root;
      }
      return std::nullopt;
    });
  }
  auto report = audit::verify(flags.folder, verifier);
  if (!report) return fail(report.error().message);
  for (const auto& file : witnesses) {
    if (file->bad() == 0) continue;
    report->remarks.push_back("the witness holds " + std::to_string(file->bad()) +
                              " lines that are no root of a trusted key");
  }
  if (flags.json) {
    std::cout << json_of(*report) << '\n';
  } else {
    print(*report);
  }
  return report->problems.empty() ? 0 : 1;
}

/// Goes through the log, and says on the error output what is wrong with it.
int walk(const Flags& flags, std::vector<audit::PublicKey> keys,
         const audit::SegmentReader::Each& see) {
  audit::Verifier verifier({std::move(keys), true, true, false});
  verifier.on_line(see);
  const auto report = audit::verify(flags.folder, verifier);
  if (!report) return fail(report.error().message);
  for (const auto& problem : report->problems) std::cerr << "hawser: " << problem << '\n';
  return report->problems.empty() ? 0 : 1;
}

int prove(const Flags& flags) {
  if (flags.selection.generation.empty() && flags.selection.request.empty()) {
    return fail("give --gen or --request");
  }
  auto keys = trusted_keys(flags.keys);
  if (!keys) return fail(keys.error().message);
  audit::Prover prover(flags.selection,
                       [](const std::string& proof) { std::cout << proof << '\n'; });
  const int status =
      walk(flags, std::move(*keys), [&](const audit::Line& line) { prover.see(line); });
  if (prover.waiting() > 0) {
    std::cerr << "hawser: " << prover.waiting() << " records are not signed yet\n";
  }
  if (prover.proved() == 0) return fail("there is no signed record of that");
  return status;
}

int check_proof(const Flags& flags) {
  const auto keys = trusted_keys(flags.keys);
  if (!keys) return fail(keys.error().message);
  const auto text = read_text(flags.proof_file);
  if (!text) return fail(flags.proof_file + ": cannot be read");
  std::string_view rest = *text;
  std::size_t count = 0;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view proof = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (proof.empty()) continue;
    const auto record = audit::check_proof(proof, *keys);
    if (!record) return fail("proof " + std::to_string(count + 1) + ": " + record.error().message);
    std::cout << *record << '\n';
    ++count;
  }
  return count > 0 ? 0 : fail("there is no proof in it");
}

/// The records, as they stand, one a line. Whether they are what was written, verify tells.
int show(const Flags& flags) {
  const auto segments = audit::segments_of(flags.folder);
  if (!segments) return fail(segments.error().message);
  for (const auto& segment : *segments) {
    audit::SegmentReader reader;
    const auto read = audit::read_file(segment.path, [&](std::string_view piece) {
      reader.feed(piece, [&](const audit::Line& line) {
        const bool ours = line.type == "root" || line.type == "segment";
        if (ours && flags.selection.type != line.type) return;
        if (flags.selection.fits(line.json)) std::cout << line.json << '\n';
      });
    });
    if (!read) return fail(read.error().message);
    reader.end();
    if (reader.tail_bytes() == 0) continue;
    std::cerr << "hawser: " << segment.path << ": the last " << reader.tail_bytes()
              << " bytes do not follow\n";
  }
  return 0;
}

void add_selection(CLI::App& sub, audit::Selection& selection) {
  sub.add_option("--gen", selection.generation, "Records of this generation");
  sub.add_option("--request", selection.request, "Records of this request id");
  sub.add_option("--tenant", selection.tenant, "Records of this tenant");
  sub.add_option("--type", selection.type, "Records of this type, such as exchange");
}

}  // namespace

void add_audit_commands(CLI::App& command, int& status) {
  command.require_subcommand(1);
  const auto flags = std::make_shared<Flags>();
  const auto add = [&](const char* verb, const char* what, int (*run)(const Flags&)) {
    auto* sub = command.add_subcommand(verb, what);
    sub->callback([flags, run, &status] { status = run(*flags); });
    return sub;
  };
  const auto with_folder = [&](CLI::App* sub) {
    sub->add_option("folder", flags->folder, "Folder of the log")->required();
    return sub;
  };
  const auto with_keys = [&](CLI::App* sub) {
    sub->add_option("--public-key", flags->keys,
                    "Key that is trusted (64 digits or a file), once or several times")
        ->required();
    return sub;
  };
  add("keygen", "Make a key for audit.key and print it", make_key);
  add("public-key", "Show the public key of a key", show_public_key)
      ->add_option("file", flags->key_file, "File of the key; -: standard input")
      ->required();
  auto* verify_command =
      with_keys(with_folder(add("verify", "Look for any change or removal", verify)));
  verify_command->add_option("--witness", flags->witnesses,
                             "File of a witness; several in their order");
  verify_command->add_flag("--pruned", flags->pruned, "The oldest segments may be gone");
  auto* live = verify_command->add_flag("--live", flags->live, "It is being written now");
  verify_command->add_flag("--stopped", flags->stopped, "It must end with a stop")->excludes(live);
  verify_command->add_flag("--json", flags->json, "The report as JSON");
  add_selection(*with_keys(with_folder(add("prove", "Proofs of records, one a line", prove))),
                flags->selection);
  with_keys(add("check-proof", "Check proofs and show their records", check_proof))
      ->add_option("file", flags->proof_file, "File of proofs; -: standard input")
      ->required();
  add_selection(*with_folder(add("show", "The records as JSON lines", show)), flags->selection);
}

}  // namespace hawser::cli
