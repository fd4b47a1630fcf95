#include "stage/cache/same_words.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace hawser::stage::cache {
namespace {

using Pair = std::pair<const char*, const char*>;

TEST(SameWords, WhatOnlyAsksInAnotherWay) {
  for (const auto& [a, b] : {
           Pair{"What is the capital of France?", "Please tell me the capital of France"},
           Pair{"How do I reset my password?", "how can I reset the password"},
           Pair{"How do I reset my password?", "Hi! How do I reset my passwords? Thanks"},
           Pair{"Explain TCP slow start", "Could you explain TCP slow start, please?"},
           Pair{"What is 17 plus 25?", "what's 17 plus 25"},
           Pair{"List three rivers of Spain", "list 3 rivers of Spain please"},
           Pair{"\u8bf7\u95ee\u5317\u4eac\u7684\u4eba\u53e3", "\u5317\u4eac\u4eba\u53e3"},
       }) {
    EXPECT_TRUE(same_words(a, b, Words::strict)) << a << " | " << b;
    EXPECT_TRUE(same_words(b, a, Words::loose)) << a << " | " << b;
  }
}

TEST(SameWords, WhatAsksForSomethingElse) {
  for (const auto& [a, b] : {
           Pair{"Translate from English to French", "Translate from French to English"},
           Pair{"Is a cat bigger than a dog?", "Is a dog bigger than a cat?"},
           Pair{"Is it safe to mix these?", "Is it not safe to mix these?"},
           Pair{"Why doesn't it rain?", "Why does it rain?"},
           Pair{"What is 17 plus 25?", "What is 17 plus 26?"},
           Pair{"What is 5 minus 3?", "What is 3 minus 5?"},
           Pair{"What is -5 plus 3?", "What is 5 plus 3?"},
           Pair{"Who wrote Hamlet?", "Who wrote Macbeth?"},
           Pair{"Say \"yes\" to it", "Say \"no\" to it"},
           Pair{"Open https://a.example/x", "Open https://a.example/y"},
           Pair{"Set max_tokens to two", "Set min_tokens to two"},
           Pair{"What is love?", "\u7231\u662f\u4ec0\u4e48"},
           Pair{"\u8fd9\u5b89\u5168\u5417", "\u8fd9\u4e0d\u5b89\u5168\u5417"},
       }) {
    EXPECT_FALSE(same_words(a, b, Words::loose)) << a << " | " << b;
  }
}

TEST(SameWords, InAnotherLanguageItIsAnotherQuestion) {
  const char* const texts[] = {
      "What is the price of RX7 and how can I pay?",
      "Was ist der Preis von RX7 und wie kann ich zahlen?",
      "Quel est le prix du RX7 et comment je paie?",
      "El precio del RX7, cual es y donde lo puedo pagar?",
      "Il prezzo della RX7, quale sono e dove posso pagare?",
      "Wat is de prijs van het RX7 en hoe betaal ik voor een?",
      "\u4ef7\u683c RX7 \u4ef7\u683c",
      "RX7 \u306e\u4ef7\u683c\u306f",
      "RX7 \uac00\uaca9\uc740",
      "\u0446\u0435\u043d\u0430 RX7",
  };
  for (const char* a : texts) {
    for (const char* b : texts)
      EXPECT_EQ(same_words(a, b, Words::loose), a == b) << a << " | " << b;
  }
}

TEST(SameWords, OnlyTheStrictRuleSeesAWordForAnother) {
  for (const auto& [a, b] : {
           Pair{"How do I increase the volume?", "How do I decrease the volume?"},
           Pair{"Flights from Paris", "Flights to Paris"},
           Pair{"When was it built?", "Where was it built?"},
           Pair{"explain recursion", "explain tail recursion"},
           Pair{"are all birds animals", "are some birds animals"},
       }) {
    EXPECT_FALSE(same_words(a, b, Words::strict)) << a << " | " << b;
    EXPECT_TRUE(same_words(a, b, Words::loose)) << a << " | " << b;
  }
}

TEST(SameWords, OneIsNotMuchLongerThanTheOther) {
  EXPECT_FALSE(same_words(
      "Explain it", "Explain it, please please please please please please please", Words::loose));
}

TEST(SameFacts, ComparesWhatAnswersState) {
  EXPECT_TRUE(same_facts("The capital of France is Paris.", "Paris is the capital of France."));
  EXPECT_FALSE(same_facts("It has 12 members.", "It has 13 members."));
  EXPECT_FALSE(same_facts("That is safe.", "That is not safe."));
}

}  // namespace
}  // namespace hawser::stage::cache
