#include "messaging/search_text.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace posthorn {
namespace {

TEST(SearchForm, LettersOfScriptsWithoutSpacesStandAlone) {
  EXPECT_EQ(search_form("hello world"), "hello world");
  EXPECT_EQ(search_form("我要退货"), " 我  要  退  货 ");
  EXPECT_EQ(search_form("SKU我"), "SKU 我 ");
  EXPECT_EQ(search_form("Zoë 🙂"), "Zoë 🙂");
  EXPECT_EQ(search_form(""), "");
}

TEST(SearchForm, BrokenUtf8IsKeptAsItIs) {
  EXPECT_EQ(search_form("a\xff\xfe b"), "a\xff\xfe b");
  EXPECT_EQ(search_form("cut \xe6\x88"), "cut \xe6\x88");
}

TEST(SearchExpression, EveryWordMustOccurAndTheLastMayBeABeginning) {
  EXPECT_EQ(search_expression("late order"), R"(text : "late" AND text : "order" *)");
  EXPECT_EQ(search_expression("  late  "), R"(text : "late" *)");
  EXPECT_EQ(search_expression(R"("late order" anna)"), R"(text : "late order" AND text : "anna" *)");
  EXPECT_EQ(search_expression(R"("late order)"), R"(text : "late order")")
      << "an open quote ends with the text";
}

TEST(SearchExpression, WithoutAWordThereIsNone) {
  for (const char* empty : {"", "   ", "\"\"", "- * ()", "\""})
    EXPECT_EQ(search_expression(empty), "") << empty;
}

TEST(SearchBeginning, IsTheLastWordAsTheIndexSpellsIt) {
  struct Case {
    const char *typed, *beginning;
  };
  const Case cases[] = {
      {"late deli", "deli"}, {"DELI", "deli"},
      {"Größ", "groß"},      {"Grösse", "grosse"},
      {"Žižk", "zizk"},      {"ÉCOLE", "ecole"},
      {"Łódź", "łodz"},      {"Мосо", "мосо"},
      {"4711", "4711"},      {"late", "late"},
      {"ord", ""},           {"a", ""},
      {"\"late\"", ""},      {"late \"order\"", ""},
      {"o'rder", ""},        {"anna@example.org", ""},
      {"退货退货", ""},      {"", ""},
      {"late -", "late"},
  };
  for (const Case& c : cases) EXPECT_EQ(search_beginning(c.typed), c.beginning) << c.typed;
}

TEST(SearchWords, AreThoseThatABeginningMayStandFor) {
  const std::vector<std::string> expected = {"order", "4711", "zoes", "order"};
  EXPECT_EQ(search_words("My ORDER #4711, Zoës order; 退货 a-b"), expected);
  EXPECT_TRUE(search_words("").empty());
  EXPECT_TRUE(search_words(std::string(200, 'a')).empty()) << "no word is that long";
}

TEST(SearchExpression, WordsThatBeginSoStandForTheLastOne) {
  EXPECT_EQ(search_expression("late deli", {"delicate", "delivery"}),
            R"(text : "late" AND text : ("deli" OR "delicate" OR "delivery"))");
  EXPECT_EQ(search_expression("\"deli\"", {"delicate"}), R"(text : "deli")") << "quoted words are whole";
  EXPECT_EQ(search_expression("or"), R"(text : "or")") << "two letters are a word";
  EXPECT_EQ(search_expression("o'rder"), R"(text : "o'rder")");
}

TEST(SearchPlace, IsNoWordThatPeopleType) {
  EXPECT_EQ(search_place('c', "7"), "zqc7");
  EXPECT_EQ(search_place('t', "request_welcome"), "zqtrequestwelcome") << "one word, not two";
}

// Whatever people type is words, never an operator of the index.
class SearchIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(sqlite3_open(":memory:", &db_), SQLITE_OK);
    run("CREATE VIRTUAL TABLE t USING fts5(text, place, tokenize = \"unicode61 remove_diacritics 2\")");
  }
  void TearDown() override { sqlite3_close(db_); }
  void run(const std::string& sql) {
    char* wrong = nullptr;
    ASSERT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &wrong), SQLITE_OK) << wrong;
  }
  void add(const std::string& text) {
    sqlite3_stmt* insert = nullptr;
    sqlite3_prepare_v2(db_, "INSERT INTO t (text, place) VALUES (?, 'c1 a1')", -1, &insert, nullptr);
    const std::string form = search_form(text);
    sqlite3_bind_text(insert, 1, form.data(), static_cast<int>(form.size()), SQLITE_TRANSIENT);
    EXPECT_EQ(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_finalize(insert);
  }
  // How many match; -1: the expression was not understood.
  int count(const std::string& typed) {
    sqlite3_stmt* select = nullptr;
    sqlite3_prepare_v2(db_, "SELECT count(*) FROM t WHERE t MATCH ?", -1, &select, nullptr);
    const std::string expression = search_expression(typed);
    sqlite3_bind_text(select, 1, expression.data(), static_cast<int>(expression.size()), SQLITE_TRANSIENT);
    const int rc = sqlite3_step(select);
    const int result = rc == SQLITE_ROW ? sqlite3_column_int(select, 0) : -1;
    sqlite3_finalize(select);
    return result;
  }
  sqlite3* db_ = nullptr;
};

TEST_F(SearchIndexTest, FindsWhatPeopleMean) {
  add("My order 4711 came late, Zoë");
  add("我要退货,谢谢");
  add("Das Paket ist da");
  struct Case {
    const char* typed;
    int matches;
  };
  const Case cases[] = {
      {"order", 1},
      {"ORDER late", 1},
      {"ord", 1},
      {"or late", 0},
      {"zoe", 1},
      {"\"came late\"", 1},
      {"\"late came\"", 0},
      {"退货", 1},
      {"货退", 0},
      {"4711", 1},
      {"paket", 1},
      {"c1", 0},
      {"a1", 0},
      {"order -late", 1},
      {"text:order", 0},
      {"order OR paket", 0},
      {"NEAR(order late)", 0},
      {"order*", 1},
      {"(order", 1},
      {"o'rder", 0},
      {"\" OR text : \"", 0},
  };
  for (const Case& c : cases)
    EXPECT_EQ(count(c.typed), c.matches) << c.typed << " → " << search_expression(c.typed);
}

TEST_F(SearchIndexTest, NoTextIsAnError) {
  add("hello");
  const std::string letters = "ab\"*():^-+{}[]'\\ANDORNOT \t";
  unsigned state = 1;
  for (int round = 0; round < 5000; ++round) {
    std::string typed;
    for (int i = 0; i < 12; ++i) {
      state = state * 1103515245 + 12345;
      typed += letters[state / 65536 % letters.size()];
    }
    if (search_expression(typed).empty()) continue;
    ASSERT_GE(count(typed), 0) << typed << " → " << search_expression(typed);
  }
}

}  // namespace
}  // namespace posthorn
