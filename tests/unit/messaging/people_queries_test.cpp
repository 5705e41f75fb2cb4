// Reading people: lists, search, names, how to address them.
#include "messaging/people_names.h"
#include "people_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class QueriesTest : public PeopleTest {
 protected:
  std::vector<std::int64_t> search(std::string_view what, int limit = 10) {
    std::vector<std::int64_t> ids;
    for (const auto& p : people::search(tx(), what, limit).value()) ids.push_back(p.id.value);
    return ids;
  }
};

TEST_F(QueriesTest, ListsNewestFirstInPages) {
  for (int i = 1; i <= 5; ++i) resolve(shop, {bsuid("DE." + std::to_string(i))});
  ASSERT_TRUE(people::merge(tx(), PersonId{1}, PersonId{4}, "x", "y", second(1)));
  auto page = people::list(tx(), 0, 2).value();
  ASSERT_EQ(page.people.size(), 2U);
  EXPECT_EQ(page.people[0].id.value, 5);
  EXPECT_EQ(page.people[1].id.value, 3) << "4 is part of 1";
  page = people::list(tx(), page.next, 2).value();
  EXPECT_EQ(page.people[0].id.value, 2);
  EXPECT_EQ(page.people[1].id.value, 1);
  EXPECT_EQ(page.next, 0);
  for (const int bad : {0, -1, 501}) {
    EXPECT_EQ(people::list(tx(), 0, bad).error().field, "limit");
    EXPECT_EQ(people::search(tx(), "x", bad).error().field, "limit");
  }
}

TEST_F(QueriesTest, SearchFindsBeginningsOfNamesAndNumbers) {
  Party m = party({bsuid("DE.1"), phone("491701234567")}, "Änna Müller-Şahin");
  m.username = "anna.m";
  ASSERT_TRUE(people::resolve(tx(), shop, m, second(1)));
  resolve(shop, {bsuid("BR.2"), phone("551188887777")}, "Μαρία Иванова");
  resolve(other, {bsuid("DE.3"), phone("491709999999")}, "Muhammad");
  for (const char* query : {"änn", "ÄNNA", "mül", "MÜLLER", "şah", "anna", "@anna.m", "müller änna",
                            "+49 170 123", "00491701234567", "DE.1"})
    EXPECT_THAT(search(query), ElementsAre(1)) << query;
  for (const char* query : {"5511888", "5511988887", "+55 (11) 8888-7777", "ΜΑΡ", "иван"})
    EXPECT_THAT(search(query), ElementsAre(2)) << query;
  EXPECT_THAT(search("mu"), ElementsAre(3));
  EXPECT_THAT(search("49170"), UnorderedElementsAre(1, 3));
  EXPECT_THAT(search("49170", 1).size(), 1U);
  for (const char* query : {"", " ", "nna", "änna x", "49", "%", "_", "'", "DE.", "DE.9", "-"})
    EXPECT_THAT(search(query), IsEmpty()) << query;
}

TEST_F(QueriesTest, RenamingIsFoundAndShownFirst) {
  const auto anna = resolve(shop, {bsuid("DE.1"), phone("491701")}).id;
  auto shown = [&] { return people::get(tx(), anna)->display_name(people::addresses(tx(), anna).value()); };
  EXPECT_EQ(shown(), "+491701");
  resolve(shop, {bsuid("DE.1")}, "Anna");
  EXPECT_EQ(shown(), "Anna");
  forget_events();
  ASSERT_TRUE(people::rename(tx(), anna, "Frau Schmidt", second(3)));
  EXPECT_EQ(shown(), "Frau Schmidt");
  EXPECT_THAT(search("schmi"), ElementsAre(anna.value));
  EXPECT_THAT(search("anna"), ElementsAre(anna.value));
  ASSERT_TRUE(people::rename(tx(), anna, "Frau Schmidt", second(4)));
  EXPECT_THAT(event_log(), ElementsAre(R"(person.updated person:1 {"person_id":1})")) << "once";
  ASSERT_TRUE(people::rename(tx(), anna, "", second(5)));
  EXPECT_EQ(shown(), "Anna");
  EXPECT_THAT(search("schmi"), IsEmpty());
  EXPECT_EQ(people::rename(tx(), anna, std::string(201, 'x'), second(5)).error().field, "name");
  EXPECT_EQ(people::rename(tx(), PersonId{9}, "x", second(5)).error().code, ErrorCode::not_found);
  EXPECT_EQ(people::get(tx(), PersonId{9}).error().code, ErrorCode::not_found);
  EXPECT_EQ(resolve(shop, {bsuid("DE.8")}).id.value, 2);
  EXPECT_EQ(people::get(tx(), PersonId{2})->display_name(people::addresses(tx(), PersonId{2}).value()),
            "DE.8");
}

TEST_F(QueriesTest, AddressesToSendTo) {
  auto address = [&](const Account& account, PersonId id) {
    const auto to = people::send_address(tx(), account, id).value();
    return to.phone + "/" + to.user_id;
  };
  const auto anna = resolve(shop, {bsuid("DE.1"), parent("DE.ENT.1"), phone("491701")}).id;
  EXPECT_EQ(address(shop, anna), "491701/DE.1");
  EXPECT_EQ(address(desk, anna), "491701/DE.1");
  EXPECT_EQ(address(other, anna), "/") << "another portfolio";
  EXPECT_EQ(address(shop, resolve(shop, {parent("DE.ENT.2")}).id), "/DE.ENT.2");
  const auto gram = resolve(insta, {{AddressKind::instagram_scoped, "77"}}).id;
  EXPECT_EQ(address(insta, gram), "/77");
  EXPECT_EQ(address(page, gram), "/");
  const auto friend_of_page = resolve(page, {{AddressKind::page_scoped, "88"}}).id;
  EXPECT_EQ(address(page, friend_of_page), "/88");
  ASSERT_TRUE(people::merge(tx(), anna, gram, "x", "one human", second(9)));
  EXPECT_EQ(address(insta, anna), "/77");
  EXPECT_EQ(address(shop, gram), "491701/DE.1") << "follows the merge";
}

TEST(PeopleNames, FoldAndSplit) {
  EXPECT_EQ(people_names::fold("ÀÉÖØÞ×ß ŁŻŹ ĞŞ ΑΩ ЁЯ Ệ abcXYZ 日本"), "àéöøþ×ß łżź ğş αω ёя ệ abcxyz 日本");
  EXPECT_THAT(people_names::words("  Anna-Maria  O'Neill, anna "),
              ElementsAre("anna", "maria", "o", "neill"));
  EXPECT_THAT(people_names::words("...,;"), IsEmpty());
  EXPECT_EQ(people_names::words(std::string(500, 'x')).front().size(), people_names::kMaxWordBytes);
  std::string many, umlauts = "x";
  for (int i = 0; i < 50; ++i) many += "w" + std::to_string(i) + " ";
  for (int i = 0; i < 50; ++i) umlauts += "ä";
  EXPECT_EQ(people_names::words(many).size(), people_names::kMaxWords);
  EXPECT_EQ(people_names::words(umlauts).front().size() % 2, 1U) << "not in the middle of a letter";
  EXPECT_EQ(people_names::fold("\xC3"), "\xC3");
  EXPECT_EQ(people_names::fold("\xFF\xE1\x80"), "\xFF\xE1\x80");
}

}  // namespace
}  // namespace posthorn::test
