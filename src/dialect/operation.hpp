#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dialect/api.hpp"

namespace hawser::dialect {

/// What a request asks for, decided once from its method and canonical path. Every policy asks the
/// traits of this value, never the path again.
enum class Operation : std::uint8_t {
  // A model writes or computes.
  chat,
  completions,
  responses,
  compact_response,
  messages,
  gemini_generate,
  gemini_stream,
  embeddings,
  gemini_embed,
  moderations,
  rerank,
  speech,
  transcription,
  translation,
  image_generation,
  image_edit,
  image_variation,
  // Counts and names: nothing is generated.
  count_tokens,
  count_response_tokens,
  gemini_count_tokens,
  list_models,
  get_model,
  // Generations that this gateway keeps.
  generations,
  // Objects that a provider's account keeps.
  stored_response,
  cancel_response,
  stored_chat,
  files,
  uploads,
  batches,
  message_batches,
  conversations,
  assistants,
  threads,
  fine_tuning,
  vector_stores,
  containers,
  evals,
  videos,
  cached_contents,
  skills,
  // Accounts, keys and bills of a provider: never passed on.
  administration,
  // What the table does not know.
  unknown,
};
inline constexpr std::size_t operations_count = static_cast<std::size_t>(Operation::unknown) + 1;

/// What a body of the operation is.
enum class BodyForm : std::uint8_t {
  none,          // GET, DELETE: the operation has no body
  json,          // one JSON object
  form,          // multipart/form-data
  json_or_form,  // either
  any            // not known to us: whatever comes
};

/// Where a request names its model.
enum class ModelPlace : std::uint8_t {
  nowhere,   // the operation has no model
  body,      // the member or form field "model", which it must have
  optional,  // the same, where it is there; the provider has a default
  path,      // a segment of the path
  hidden     // somewhere that the gateway does not read: in a file, an object, an unknown body
};

/// By what providers bill it.
enum class Pricing : std::uint8_t {
  none,        // nothing is bought
  tokens,      // of text, in and out
  images,      // per image, or by the tokens in its answer's usage
  seconds,     // of audio or video
  characters,  // of the text that is spoken
  calls,       // a price per call
  unknown      // bought later, or by what nobody told us
};

/// What an operation is, for every policy that must decide about it.
struct OperationTraits {
  Operation operation;
  std::string_view name;   // in logs, the audit and errors
  std::string_view grant;  // the word of `operations:` that allows it
  Api api;                 // the wire form of its answers
  BodyForm body;
  ModelPlace model;
  Pricing pricing;
  bool generates;      // its answer is written by a model, can be streamed and taken up again
  bool prompts;        // its request holds texts, all of which can be read in its body
  bool answers_texts;  // its answer holds texts that can be read, streamed ones too
  bool stateful;       // it reads, makes or deletes objects of the provider's account
  bool textless;       // no new text in either: ids, names of models, what was judged before
};

const OperationTraits& traits_of(Operation operation);
/// By what this method of the operation is billed.
Pricing pricing_of(Operation operation, std::string_view method);

/// A set of operations.
class OperationSet {
 public:
  constexpr OperationSet() = default;
  static constexpr OperationSet all() {
    OperationSet set;
    set.bits_ = (std::uint64_t{1} << operations_count) - 1;
    return set;
  }
  constexpr void add(Operation operation) { bits_ |= bit(operation); }
  constexpr void add(OperationSet other) { bits_ |= other.bits_; }
  constexpr bool has(Operation operation) const { return (bits_ & bit(operation)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const OperationSet&) const = default;

 private:
  static constexpr std::uint64_t bit(Operation operation) {
    return std::uint64_t{1} << static_cast<unsigned>(operation);
  }
  std::uint64_t bits_ = 0;
};
static_assert(operations_count < 64);

/// The operations of one word of the configuration ("files"), or of one operation's own name;
/// empty: there is no such word.
OperationSet operations_of_grant(std::string_view grant);
/// The operations of a list of words.
OperationSet operations_of_grants(std::span<const std::string> grants);
/// What is wrong with such a list; empty: nothing.
std::string grants_problem(std::span<const std::string> grants);
/// What a key may call that does not say otherwise: everything that keeps no state at a provider
/// and is known.
OperationSet default_operations();

/// A kind of object that a provider's account keeps. Its owner is the tenant that made it.
enum class ObjectKind : std::uint8_t {
  none,
  response,
  chat,
  file,
  upload,
  batch,
  conversation,
  assistant,
  thread,
  fine_tune,
  vector_store,
  container,
  eval,
  video,
  cached_content,
  skill,
  item,        // of a response or a conversation
  batch_input  // a file whose lines were read for what they refer to
};

/// A run of bytes in a path.
struct PathPart {
  std::uint16_t at = 0;
  std::uint16_t size = 0;
};

/// One row of the table that a request matched.
struct OperationMatch {
  Operation operation = Operation::unknown;
  ObjectKind makes = ObjectKind::none;  // the answer's "id" is a new object's
  ObjectKind lists = ObjectKind::none;  // the answer's "data" is a list of them
  ObjectKind asked = ObjectKind::none;  // of the object that the path names
  PathPart object{};                    // its id as it stands in the path, percent-encoded
  PathPart model{};                     // ModelPlace::path: as it stands in the path
};

/// Finds the operation of a method and of what follows the version in a canonical path
/// ("/chat/completions", at most 65,535 bytes).
OperationMatch match_operation(std::string_view method, std::string_view tail, bool gemini);

}  // namespace hawser::dialect
