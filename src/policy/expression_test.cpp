#include "policy/expression.hpp"

#include <gtest/gtest.h>

namespace hawser::policy {
namespace {

const std::vector<std::string> labels{"tier"};

Tags frankfurt() {
  Tags tags;
  tags.region = "eu";
  tags.country = "DE";
  tags.zone = "eu-1a";
  tags.operated_by = "acme";
  tags.legal = {"gdpr", "schrems"};
  tags.zdr = true;
  tags.global = false;
  tags.labels = {{"tier", "gold"}};
  return tags;
}

Truth truth(const std::string& text, const Tags& target, const Tags& node = frankfurt()) {
  const auto parsed = Expression::parse(text, About::targets, labels);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  if (!parsed) return Truth::unknown;
  return parsed->truth({"acme/m", &target, &node, nullptr});
}

std::string problem(const std::string& text, About about = About::targets) {
  const auto parsed = Expression::parse(text, about, labels);
  return parsed ? "" : parsed.error().message;
}

TEST(ResidencyExpression, ComparesNamesAndLiterals) {
  for (const char* text :
       {"true", "target.region == 'eu'", "target.region != \"us\"", "target.zdr", "!target.global",
        "target.country in ['DE', 'FR']", "'gdpr' in target.legal", "target.zone == node.zone",
        "target.labels.tier == 'gold'", "has(target.zone) && !has(target.train)",
        "target.region == 'us' || target.zdr == true", "(target.zdr || false) && !(false)",
        "target.name == 'acme/m'", "target.operator in ['acme',]", "!(target.country in [])",
        "true || false && false", "'a\\'b' == \"a'b\""}) {
    EXPECT_EQ(truth(text, frankfurt()), Truth::yes) << text;
  }
  for (const char* text : {"false", "target.region == 'us'", "target.global", "!target.zdr",
                           "target.country in ['US']", "'ccpa' in target.legal",
                           "target.zdr && false", "has(target.train)", "(true || true) && false"}) {
    EXPECT_EQ(truth(text, frankfurt()), Truth::no) << text;
  }
}

TEST(ResidencyExpression, WhatIsNotSetIsUnknownAlsoUnderNegation) {
  for (const char* text :
       {"target.region == 'eu'", "target.region != 'eu'", "!(target.region == 'eu')", "target.zdr",
        "!target.zdr", "!target.global", "target.country in ['DE']", "!(target.country in ['US'])",
        "'gdpr' in target.legal", "!('cloud-act' in target.legal)", "target.labels.tier != 'gold'",
        "target.zone == node.zone", "target.zdr == target.zdr", "target.zdr && true",
        "target.zdr || false", "target.zdr || !target.zdr"}) {
    EXPECT_EQ(truth(text, Tags()), Truth::unknown) << text;
  }
  // What does not matter is not missed.
  EXPECT_EQ(truth("target.zdr || true", Tags()), Truth::yes);
  EXPECT_EQ(truth("target.zdr && false", Tags()), Truth::no);
  EXPECT_EQ(truth("has(target.zdr)", Tags()), Truth::no);
  EXPECT_EQ(truth("!has(target.zdr)", Tags()), Truth::yes);
  EXPECT_EQ(truth("has(target.zdr) && target.zdr", Tags()), Truth::no);
  EXPECT_EQ(truth("target.zone == node.zone", frankfurt(), Tags()), Truth::unknown);
}

TEST(ResidencyExpression, AMistakeIsToldWithItsPlaceAndWhatWasMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {"target.regoin == 'eu'", "at 1: there is no 'target.regoin': did you mean 'target.region'?"},
      {"region == 'eu'", "at 1: there is no 'region': did you mean 'target.region'?"},
      {"tenant == 'a'", "at 1: there is no 'tenant' here: what is asked for belongs into when"},
      {"target.labels.teir == 'x'",
       "at 1: there is no 'target.labels.teir': no tags have this label"},
      {"target.zdr == 'yes'", "at 12: compares true or false with text"},
      {"target.legal == 'gdpr'", "at 14: a list is not compared: ask with 'in'"},
      {"target.region in 'eu'", "at 17: must be a list, and is text"},
      {"target.region", "at 1: must be true or false, and is text"},
      {"target.region = 'eu'", "at 15: did you mean '=='?"},
      {"!target.region == 'eu'", "at 1: ! negates text: put what it is about in ( )"},
      {"target.zdr &&", "at 14: something is missing here"},
      {"target.zdr & target.zdr", "at 12: '& target.zdr' is not expected here"},
      {"(target.zdr", "at 12: the ( at 1 needs a )"},
      {"target.region == 'eu", "at 18: this text does not end"},
      {"target.region in ['eu' 'us']", "at 24: a list goes on with , or ends with ]"},
      {"target.region in [1]", "at 19: a list holds texts"},
      {"size(target.legal) == 1", "at 1: there is no function 'size', only has()"},
      {"target.zdr == 1", "at 15: there are no numbers: tags are text, or true or false"},
      {"has('x')", "at 5: there is no ''"},
      {"", "at 1: something is missing here"},
      {"target.zdr && target.region", "at 14: must be true or false, and is text"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(problem(text), message) << text;
  EXPECT_EQ(problem("target.zdr", About::requests),
            "at 1: there is no 'target.zdr' here: where it may go belongs into require");
  EXPECT_EQ(problem("tennant == 'a'", About::requests),
            "at 1: there is no 'tennant': did you mean 'tenant'?");
}

TEST(ResidencyExpression, IsBounded) {
  EXPECT_NE(problem(std::string(5000, ' ')), "");
  EXPECT_NE(problem(std::string(200, '(') + "true" + std::string(200, ')')), "");
  EXPECT_NE(problem(std::string(200, '!') + "true"), "");
  std::string many = "true";
  for (int i = 0; i < 400; ++i) many += "&&true";
  EXPECT_NE(problem(many), "");
}

TEST(ResidencyExpression, SpeaksOfRequests) {
  const auto truth = [](const std::string& text, const Asker& asker) {
    const auto parsed = Expression::parse(text, About::requests, labels);
    EXPECT_TRUE(parsed) << text;
    const Tags node = frankfurt();
    return parsed->truth({{}, nullptr, &node, &asker});
  };
  const Asker asker{.tenant = "hospital", .key = "ward", .model = "m", .data_class = "health"};
  EXPECT_EQ(truth("tenant == 'hospital' && request.team == ''", asker), Truth::yes);
  EXPECT_EQ(truth("request.data_class in ['pii', 'health']", asker), Truth::yes);
  EXPECT_EQ(truth("request.data_class in ['pii', 'health']", {}), Truth::no);
  const Asker loud{.data_class = "HEALTH"};
  EXPECT_EQ(truth("request.data_class in ['pii', 'Health']", loud), Truth::yes);
  EXPECT_EQ(truth("request.data_class == 'health'", loud), Truth::yes);
  EXPECT_EQ(truth("'health' != request.data_class", loud), Truth::no);
  EXPECT_EQ(truth("has(request.data_class)", {}), Truth::no);
  EXPECT_EQ(truth("node.region == 'eu' && key != 'ward'", asker), Truth::no);
}

// A lock by a model's name holds for whoever may take it for that model.
TEST(ResidencyExpression, AModelHasManySpellings) {
  const auto truth = [](const std::string& text, std::string_view model) {
    const auto parsed = Expression::parse(text, About::requests, labels);
    EXPECT_TRUE(parsed) << text;
    const Asker asker{.model = model};
    return parsed->truth({{}, nullptr, nullptr, &asker});
  };
  EXPECT_EQ(truth("request.model == 'big'", "big"), Truth::yes);
  EXPECT_EQ(truth("'big' == request.model", "big"), Truth::yes);
  EXPECT_EQ(truth("request.model == 'big'", "small"), Truth::no);
  EXPECT_EQ(truth("request.model in ['huge', 'big']", "big"), Truth::yes);
  EXPECT_EQ(truth("request.model in ['huge', 'big']", "small"), Truth::no);
  for (const auto* spelling : {"BIG", "openai/big", "big:free", " big", "", "b\xc3\xadg"}) {
    EXPECT_EQ(truth("request.model == 'big'", spelling), Truth::unknown) << spelling;
    EXPECT_EQ(truth("request.model != 'big'", spelling), Truth::unknown) << spelling;
    EXPECT_EQ(truth("request.model in ['huge', 'big']", spelling), Truth::unknown) << spelling;
  }
}

}  // namespace
}  // namespace hawser::policy
