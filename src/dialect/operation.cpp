#include "dialect/operation.hpp"

#include <algorithm>
#include <array>

#include "base/name_table.hpp"
#include "dialect/canonical_name.hpp"
#include "dialect/operation_rows.hpp"

namespace hawser::dialect {
namespace {

using enum Operation;
using B = BodyForm;
using M = ModelPlace;
using P = Pricing;

// clang-format off
constexpr std::array<OperationTraits, operations_count> table{{
  // operation            name                     grant            api               body             model        pricing        gen    prompt text   state  textless
  {chat,                  "chat",                  "chat",          Api::chat,        B::json,         M::body,     P::tokens,     true,  true,  true,  false,  false},
  {completions,           "completions",           "completions",   Api::completions, B::json,         M::body,     P::tokens,     true,  true,  true,  false,  false},
  {responses,             "responses",             "responses",     Api::responses,   B::json,         M::body,     P::tokens,     true,  true,  true,  false,  false},
  {compact_response,      "compact_response",      "responses",     Api::other,       B::json,         M::body,     P::tokens,     false, true,  true,  false,  false},
  {messages,              "messages",              "messages",      Api::messages,    B::json,         M::body,     P::tokens,     true,  true,  true,  false,  false},
  {gemini_generate,       "gemini_generate",       "gemini",        Api::other,       B::json,         M::path,     P::tokens,     false, true,  true,  false,  false},
  {gemini_stream,         "gemini_stream",         "gemini",        Api::other,       B::json,         M::path,     P::tokens,     false, true,  false, false,  false},
  {embeddings,            "embeddings",            "embeddings",    Api::embeddings,  B::json,         M::body,     P::tokens,     false, true,  true,  false,  false},
  {gemini_embed,          "gemini_embed",          "gemini",        Api::other,       B::json,         M::path,     P::tokens,     false, true,  true,  false,  false},
  {moderations,           "moderations",           "moderations",   Api::other,       B::json,         M::optional, P::calls,      false, true,  true,  false,  false},
  {rerank,                "rerank",                "rerank",        Api::other,       B::json,         M::body,     P::calls,      false, true,  true,  false,  false},
  {speech,                "speech",                "audio",         Api::other,       B::json,         M::body,     P::characters, false, true,  false, false,  false},
  {transcription,         "transcription",         "audio",         Api::other,       B::form,         M::body,     P::seconds,    false, false, true,  false,  false},
  {translation,           "translation",           "audio",         Api::other,       B::form,         M::body,     P::seconds,    false, false, true,  false,  false},
  {image_generation,      "image_generation",      "images",        Api::other,       B::json,         M::optional, P::images,     false, true,  true,  false,  false},
  {image_edit,            "image_edit",            "images",        Api::other,       B::json_or_form, M::optional, P::images,     false, false, true,  false,  false},
  {image_variation,       "image_variation",       "images",        Api::other,       B::form,         M::optional, P::images,     false, false, true,  false,  false},
  {count_tokens,          "count_tokens",          "messages",      Api::other,       B::json,         M::body,     P::none,       false, true,  true,  false,  false},
  {count_response_tokens, "count_response_tokens", "responses",     Api::other,       B::json,         M::body,     P::none,       false, true,  true,  false,  false},
  {gemini_count_tokens,   "gemini_count_tokens",   "gemini",        Api::other,       B::json,         M::path,     P::none,       false, true,  true,  false,  false},
  {list_models,           "list_models",           "models",        Api::models,      B::none,         M::nowhere,  P::none,       false, true,  true,  false,  true},
  {get_model,             "get_model",             "models",        Api::other,       B::none,         M::path,     P::none,       false, true,  true,  false,  true},
  {generations,           "generations",           "generations",   Api::generations, B::any,          M::nowhere,  P::none,       false, true,  true,  false,  true},
  {stored_response,       "stored_response",       "responses",     Api::response,    B::none,         M::hidden,   P::none,       false, true,  true,  true,   false},
  {cancel_response,       "cancel_response",       "responses",     Api::response,    B::any,          M::hidden,   P::none,       false, true,  true,  true,   false},
  {stored_chat,           "stored_chat",           "stored_chat",   Api::other,       B::any,          M::hidden,   P::none,       false, false, true,  true,   false},
  {files,                 "files",                 "files",         Api::other,       B::any,          M::hidden,   P::none,       false, false, false, true,   false},
  {uploads,               "uploads",               "files",         Api::other,       B::any,          M::hidden,   P::none,       false, false, false, true,   false},
  {batches,               "batches",               "batches",       Api::other,       B::any,          M::hidden,   P::unknown,    false, false, false, true,   false},
  {message_batches,       "message_batches",       "batches",       Api::other,       B::any,          M::hidden,   P::unknown,    false, false, false, true,   false},
  {conversations,         "conversations",         "conversations", Api::other,       B::any,          M::hidden,   P::none,       false, false, true,  true,   false},
  {assistants,            "assistants",            "assistants",    Api::other,       B::any,          M::hidden,   P::none,       false, false, true,  true,   false},
  {threads,               "threads",               "threads",       Api::other,       B::any,          M::hidden,   P::unknown,    false, false, false, true,   false},
  {fine_tuning,           "fine_tuning",           "fine_tuning",   Api::other,       B::any,          M::hidden,   P::unknown,    false, false, false, true,   false},
  {vector_stores,         "vector_stores",         "vector_stores", Api::other,       B::any,          M::hidden,   P::unknown,    false, false, true,  true,   false},
  {containers,            "containers",            "containers",    Api::other,       B::any,          M::hidden,   P::unknown,    false, false, false, true,   false},
  {evals,                 "evals",                 "evals",         Api::other,       B::any,          M::hidden,   P::unknown,    false, false, false, true,   false},
  {videos,                "videos",                "videos",        Api::other,       B::any,          M::hidden,   P::seconds,    false, false, false, true,   false},
  {cached_contents,       "cached_contents",       "cached_contents", Api::other,     B::any,          M::hidden,   P::unknown,    false, false, true,  true,   false},
  {skills,                "skills",                "skills",        Api::other,       B::any,          M::hidden,   P::none,       false, false, false, true,   false},
  {administration,        "administration",        "",              Api::other,       B::any,          M::hidden,   P::none,       false, false, false, true,   false},
  {unknown,               "unknown",               "unknown",       Api::other,       B::any,          M::hidden,   P::unknown,    false, false, false, true,   false},
}};

using K = ObjectKind;

// The first row that matches counts.
constexpr OperationRow rows[] = {
  {"POST",   "/chat/completions", chat, K::chat},
  {"POST",   "/responses", responses, K::response},
  {"POST",   "/messages", messages},
  {"POST",   "/embeddings", embeddings},
  {"POST",   "/completions", completions},
  {"GET",    "/models", list_models},
  {"HEAD",   "/models", list_models},
  {"GET",    "/models/{model}", get_model},
  {"HEAD",   "/models/{model}", get_model},
  {"POST",   "/models/{model}:generateContent", gemini_generate},
  {"POST",   "/models/{model}:streamGenerateContent", gemini_stream},
  {"POST",   "/models/{model}:countTokens", gemini_count_tokens},
  {"POST",   "/models/{model}:embedContent", gemini_embed},
  {"POST",   "/models/{model}:batchEmbedContents", gemini_embed},
  {"POST",   "/messages/count_tokens", count_tokens},
  {"POST",   "/responses/input_tokens", count_response_tokens},
  {"POST",   "/responses/compact", compact_response, K::response},
  {"POST",   "/moderations", moderations},
  {"POST",   "/rerank", rerank},
  {"POST",   "/audio/speech", speech},
  {"POST",   "/audio/transcriptions", transcription},
  {"POST",   "/audio/translations", translation},
  {"POST",   "/images/generations", image_generation},
  {"POST",   "/images/edits", image_edit},
  {"POST",   "/images/variations", image_variation},
  {"GET",    "/generations/{}", generations},
  {"GET",    "/generations/{}/events", generations},
  {"POST",   "/generations/{}/cancel", generations},
  {"",       "/generations/**", generations},  // is told what a generation has

  {"GET",    "/responses/{response}", stored_response},
  {"HEAD",   "/responses/{response}", stored_response},
  {"DELETE", "/responses/{response}", stored_response},
  {"GET",    "/responses/{response}/input_items", stored_response},
  {"POST",   "/responses/{response}/cancel", cancel_response},

  {"GET",    "/chat/completions", stored_chat, K::none, K::chat},
  {"GET",    "/chat/completions/{chat}", stored_chat},
  {"POST",   "/chat/completions/{chat}", stored_chat},
  {"DELETE", "/chat/completions/{chat}", stored_chat},
  {"GET",    "/chat/completions/{chat}/messages", stored_chat},

  {"POST",   "/files", files, K::file},
  {"GET",    "/files", files, K::none, K::file},
  {"GET",    "/files/{file}", files},
  {"DELETE", "/files/{file}", files},
  {"GET",    "/files/{file}/content", files},
  {"POST",   "/uploads", uploads, K::upload},
  {"POST",   "/uploads/{upload}/parts", uploads},
  {"POST",   "/uploads/{upload}/complete", uploads},
  {"POST",   "/uploads/{upload}/cancel", uploads},

  {"POST",   "/batches", batches, K::batch},
  {"GET",    "/batches", batches, K::none, K::batch},
  {"GET",    "/batches/{batch}", batches},
  {"POST",   "/batches/{batch}/cancel", batches},
  {"POST",   "/messages/batches", message_batches, K::batch},
  {"GET",    "/messages/batches", message_batches, K::none, K::batch},
  {"GET",    "/messages/batches/{batch}", message_batches},
  {"DELETE", "/messages/batches/{batch}", message_batches},
  {"GET",    "/messages/batches/{batch}/results", message_batches},
  {"POST",   "/messages/batches/{batch}/cancel", message_batches},

  {"POST",   "/conversations", conversations, K::conversation},
  {"",       "/conversations/{conversation}", conversations},
  {"",       "/conversations/{conversation}/**", conversations},

  {"POST",   "/assistants", assistants, K::assistant},
  {"GET",    "/assistants", assistants, K::none, K::assistant},
  {"",       "/assistants/{assistant}", assistants},
  {"POST",   "/threads/runs", threads},
  {"POST",   "/threads", threads, K::thread},
  {"",       "/threads/{thread}", threads},
  {"",       "/threads/{thread}/**", threads},

  {"POST",   "/fine_tuning/jobs", fine_tuning, K::fine_tune},
  {"GET",    "/fine_tuning/jobs", fine_tuning, K::none, K::fine_tune},
  {"",       "/fine_tuning/jobs/{fine_tune}", fine_tuning},
  {"",       "/fine_tuning/jobs/{fine_tune}/**", fine_tuning},

  {"POST",   "/vector_stores", vector_stores, K::vector_store},
  {"GET",    "/vector_stores", vector_stores, K::none, K::vector_store},
  {"",       "/vector_stores/{vector_store}", vector_stores},
  {"",       "/vector_stores/{vector_store}/**", vector_stores},

  {"POST",   "/containers", containers, K::container},
  {"GET",    "/containers", containers, K::none, K::container},
  {"",       "/containers/{container}", containers},
  {"",       "/containers/{container}/**", containers},

  {"POST",   "/evals", evals, K::eval},
  {"GET",    "/evals", evals, K::none, K::eval},
  {"",       "/evals/{eval}", evals},
  {"",       "/evals/{eval}/**", evals},

  {"POST",   "/videos", videos, K::video},
  {"GET",    "/videos", videos, K::none, K::video},
  {"GET",    "/videos/{video}", videos},
  {"DELETE", "/videos/{video}", videos},
  {"GET",    "/videos/{video}/content", videos},
  {"POST",   "/videos/{video}/remix", videos, K::video},

  {"POST",   "/cachedContents", cached_contents, K::cached_content},
  {"GET",    "/cachedContents", cached_contents, K::none, K::cached_content},
  {"",       "/cachedContents/{cached_content}", cached_contents},
  {"POST",   "/skills", skills, K::skill},
  {"GET",    "/skills", skills, K::none, K::skill},
  {"",       "/skills/{skill}", skills},
  {"",       "/skills/{skill}/**", skills},

  // Whatever else is asked of an object concerns its owner, too.
  {"",       "/responses/{response}", stored_response},
  {"",       "/responses/{response}/**", stored_response},
  {"",       "/chat/completions/{chat}", stored_chat},
  {"",       "/chat/completions/{chat}/**", stored_chat},
  {"",       "/files/{file}", files},
  {"",       "/files/{file}/**", files},
  {"",       "/uploads/{upload}", uploads},
  {"",       "/uploads/{upload}/**", uploads},
  {"",       "/batches/{batch}", batches},
  {"",       "/batches/{batch}/**", batches},
  {"",       "/messages/batches/{batch}", message_batches},
  {"",       "/messages/batches/{batch}/**", message_batches},
  {"",       "/assistants/{assistant}/**", assistants},
  {"",       "/videos/{video}", videos},
  {"",       "/videos/{video}/**", videos},
  {"",       "/cachedContents/{cached_content}/**", cached_contents},

  {"",       "/fine_tuning/checkpoints/**", administration},
  {"",       "/organization/**", administration},
  {"",       "/organizations/**", administration},
  {"",       "/organization", administration},
  {"",       "/organizations", administration},
  {"",       "/projects/**", administration},
  {"",       "/admin/**", administration},
  {"",       "/dashboard/**", administration},
  {"",       "/api_keys/**", administration},
  {"",       "/api_keys", administration},
  {"",       "/keys/**", administration},
  {"",       "/keys", administration},
  {"",       "/key/**", administration},
  {"",       "/credits/**", administration},
  {"",       "/credits", administration},
  {"",       "/usage/**", administration},
  {"",       "/usage", administration},
  {"",       "/billing/**", administration},
  {"",       "/management/**", administration},
};

struct KindName {
  std::string_view name;
  ObjectKind kind;
};
constexpr KindName kinds[] = {
  {"response", K::response}, {"chat", K::chat}, {"file", K::file}, {"upload", K::upload},
  {"batch", K::batch}, {"conversation", K::conversation}, {"assistant", K::assistant},
  {"thread", K::thread}, {"fine_tune", K::fine_tune}, {"vector_store", K::vector_store},
  {"container", K::container}, {"eval", K::eval}, {"video", K::video},
  {"cached_content", K::cached_content}, {"skill", K::skill},
};

constexpr std::string_view grants =
    "chat, completions, responses, messages, gemini, embeddings, moderations, rerank, audio, "
    "images, models, generations, stored_chat, files, batches, conversations, assistants, threads, "
    "fine_tuning, vector_stores, containers, evals, videos, cached_contents, skills, unknown";
// clang-format on

/// The table stands in the order of the enum: traits_of is an index.
constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].operation != static_cast<Operation>(i)) return false;
    if (table[i].name.empty()) return false;
  }
  return true;
}
static_assert(in_order());

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const auto end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

ObjectKind kind_of(std::string_view name) {
  for (const KindName& kind : kinds) {
    if (kind.name == name) return kind.kind;
  }
  return ObjectKind::none;
}

/// Matches one segment of `path` and notes what it names.
bool match_segment(std::string_view pattern, std::string_view segment, std::string_view path,
                   OperationMatch& match) {
  if (!pattern.starts_with('{')) return pattern == segment;
  const auto close = pattern.find('}');
  const std::string_view name = pattern.substr(1, close - 1);
  const std::string_view verb = pattern.substr(close + 1);  // ":generateContent", or nothing
  if (segment.size() <= verb.size() || !segment.ends_with(verb)) return false;
  segment.remove_suffix(verb.size());
  const PathPart part{static_cast<std::uint16_t>(segment.data() - path.data()),
                      static_cast<std::uint16_t>(segment.size())};
  if (name == "model") {
    match.model = part;
  } else if (!name.empty()) {
    match.asked = kind_of(name);
    match.object = part;
  }
  return true;
}

bool match_row(const OperationRow& row, std::string_view path, OperationMatch& match) {
  std::string_view pattern = row.path;
  std::string_view rest = path;
  while (!pattern.empty() && !rest.empty()) {
    if (pattern == "/**") return true;
    if (!match_segment(take_segment(pattern), take_segment(rest), path, match)) return false;
  }
  return pattern.empty() && rest.empty();
}

}  // namespace

const OperationTraits& traits_of(Operation operation) {
  return table[static_cast<std::size_t>(operation)];
}

Pricing pricing_of(Operation operation, std::string_view method) {
  // Reading, listing and deleting objects buys nothing; what creates or runs them may.
  if (method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS") {
    return operation == Operation::unknown ? Pricing::unknown : Pricing::none;
  }
  return traits_of(operation).pricing;
}

std::span<const OperationRow> operation_rows() {
  return rows;
}

OperationSet operations_of_grant(std::string_view grant) {
  OperationSet set;
  if (grant.empty()) return set;
  for (const OperationTraits& traits : table) {
    if (traits.grant == grant) set.add(traits.operation);
  }
  if (!set.empty()) return set;
  for (const OperationTraits& traits : table) {
    if (traits.name == grant && !traits.grant.empty()) set.add(traits.operation);
  }
  return set;
}

OperationSet operations_of_grants(std::span<const std::string> grants_listed) {
  OperationSet set;
  for (const std::string& word : grants_listed) set.add(operations_of_grant(word));
  return set;
}

std::string grants_problem(std::span<const std::string> grants_listed) {
  for (const std::string& word : grants_listed) {
    if (!operations_of_grant(word).empty()) continue;
    return "there is no operation \"" + word + "\"; known are " + std::string(grants);
  }
  return {};
}

OperationSet default_operations() {
  OperationSet set;
  for (const OperationTraits& traits : table) {
    // One's own responses are a part of the responses that anyone may ask for.
    if (!traits.stateful || traits.grant == "responses") set.add(traits.operation);
  }
  return set;
}

/// Where servers keep accounts, keys and bills, in lower case and without separators. Of paths that
/// are none of the table's: nobody's grant covers them.
constexpr auto administrative_names =
    exact_names(std::to_array<std::string_view>({"account",
                                                 "accounts",
                                                 "admin",
                                                 "administration",
                                                 "apikey",
                                                 "apikeys",
                                                 "audit",
                                                 "auditlog",
                                                 "auditlogs",
                                                 "auth",
                                                 "billing",
                                                 "budget",
                                                 "budgets",
                                                 "config",
                                                 "configs",
                                                 "cost",
                                                 "costs",
                                                 "credential",
                                                 "credentials",
                                                 "credit",
                                                 "credits",
                                                 "customer",
                                                 "customers",
                                                 "dashboard",
                                                 "global",
                                                 "invite",
                                                 "invites",
                                                 "invoice",
                                                 "invoices",
                                                 "key",
                                                 "keys",
                                                 "login",
                                                 "management",
                                                 "member",
                                                 "members",
                                                 "organisation",
                                                 "organisations",
                                                 "organization",
                                                 "organizations",
                                                 "org",
                                                 "orgs",
                                                 "payment",
                                                 "payments",
                                                 "permission",
                                                 "permissions",
                                                 "project",
                                                 "projects",
                                                 "role",
                                                 "roles",
                                                 "secret",
                                                 "secrets",
                                                 "serviceaccount",
                                                 "serviceaccounts",
                                                 "setting",
                                                 "settings",
                                                 "spend",
                                                 "sso",
                                                 "subscription",
                                                 "subscriptions",
                                                 "team",
                                                 "teams",
                                                 "usage",
                                                 "user",
                                                 "users",
                                                 "workspace",
                                                 "workspaces"}));

/// Whether one of the first two segments says so, in any case: servers differ in what goes before.
bool is_administrative(std::string_view tail) {
  std::string plain;
  for (int segments = 0; segments < 2 && tail.starts_with('/'); ++segments) {
    tail.remove_prefix(1);
    const std::string_view segment = tail.substr(0, tail.find_first_of("/:"));
    if (administrative_names.has(canonical_name(segment, plain))) return true;
    tail.remove_prefix(std::min(tail.find('/'), tail.size()));
  }
  return false;
}

OperationMatch match_operation(std::string_view method, std::string_view tail, bool gemini) {
  OperationMatch match;
  if (!tail.starts_with('/') || tail.size() > 0xffff) return match;
  for (const OperationRow& row : rows) {
    if (!row.method.empty() && row.method != method) continue;
    OperationMatch found;
    if (!match_row(row, tail, found)) continue;
    found.operation = row.operation;
    found.makes = row.makes;
    found.lists = row.lists;
    // Under Gemini's version nothing but its own calls and lists is known.
    const bool of_gemini = found.model.size > 0 || row.operation == list_models ||
                           row.operation == files || row.operation == cached_contents ||
                           row.operation == administration;
    if (gemini && !of_gemini) return match;
    return found;
  }
  if (is_administrative(tail)) match.operation = administration;
  return match;
}

}  // namespace hawser::dialect
