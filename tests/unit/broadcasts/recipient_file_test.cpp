#include "broadcasts/recipient_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<FileInspection> inspect(std::string_view text, std::string phone_column = "",
                               std::string_view region = "DE") {
  RecipientFileOptions options;
  options.phone_column = std::move(phone_column);
  if (!region.empty()) options.default_region = parse_region(region).value();
  return inspect_recipient_file(text, text.size(), options);
}

struct Found {
  std::string_view text;
  int column;
};
TEST(RecipientFile, FindsThePhoneColumn) {
  const Found cases[] = {
      {"name,phone\nA,0170 1234567\n", 1},
      {"Telefonnummer;Name\n0170 1234567;A\n", 0},
      {"name,móvil\nA,+34 612345678\n", 1},
      {"ФИО,Телефон\nA,+7 912 345-67-89\n", 1},
      {"姓名,手机号码\nA,+86 138 0013 8000\n", 1},
      // By content, when no name helps.
      {"a,b,c\nx,0170 1234567,1\ny,0171 7654321,2\n", 1},
      {"customer,x\n1234567,+491701234567\n1234568,+491701234568\n1234569,n/a\n", 1},
      // Mobile before landline, and a full one before an empty one.
      {"phone,mobile\n030 1234567,0170 1234567\n", 1},
      {"mobile,phone\n,0170 1234567\n,0170 7654321\n", 1},
      // A column called phone is it even if all its values are wrong.
      {"name,phone\nA,n/a\n", 1},
      {"notes,amount\nhello,5\n", -1},
  };
  for (const Found& found : cases) {
    const auto inspection = inspect(found.text);
    ASSERT_TRUE(inspection) << found.text << inspection.error().message;
    EXPECT_EQ(inspection->phone_column, found.column) << found.text;
    EXPECT_EQ(inspection->phone_column_problem.empty(), found.column >= 0);
  }
}

TEST(RecipientFile, PhoneColumnCanBeNamed) {
  const std::string_view text = "a,Phone Private,phone\nx,0170 1234567,0170 7654321\n";
  EXPECT_EQ(inspect(text, "phone private")->phone_column, 1);
  EXPECT_EQ(inspect(text, "#1")->phone_column, 0);
  const auto missing = inspect(text, "phone privat");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().field, "phone_column");
  EXPECT_THAT(missing.error().message, HasSubstr("did you mean “Phone Private”?"));
  EXPECT_FALSE(inspect(text, "#4"));
  EXPECT_FALSE(inspect(text, "#0"));
}

TEST(RecipientFile, DescribesTheFile) {
  const auto inspection = inspect("\xEF\xBB\xBFname;phone;;name\nA;0170 1234567;x\n\nB;bad;;;\n");
  ASSERT_TRUE(inspection);
  std::vector<std::string> names;
  for (const auto& column : inspection->columns) names.push_back(column.name);
  EXPECT_THAT(names, ElementsAre("name", "phone", "column 3", "name (2)"));
  EXPECT_EQ(inspection->delimiter, ';');
  EXPECT_EQ(inspection->rows_seen, 2U);
  EXPECT_EQ(inspection->row_estimate, 2U);
  EXPECT_EQ(inspection->columns[1].phone_share, 0.5);
  EXPECT_EQ(inspection->columns[2].filled_share, 0.5);
  EXPECT_THAT(inspection->sample_rows[0], ElementsAre("A", "0170 1234567", "x", ""));
  EXPECT_THAT(inspection->sample_lines, ElementsAre(2, 4));
  EXPECT_THAT(inspection->warnings, ElementsAre(HasSubstr("Several columns are called “name”")));
}

TEST(RecipientFile, WarnsAboutAMissingHeader) {
  const auto inspection = inspect("A,+491701234567\nB,+491701234568\n");
  ASSERT_TRUE(inspection);
  EXPECT_THAT(inspection->warnings, ElementsAre(HasSubstr("looks like a phone number")));
}

TEST(RecipientFile, RefusesFilesWithoutRecipients) {
  const auto empty = inspect("");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("empty"));
  const auto header = inspect("name,phone\n");
  ASSERT_FALSE(header);
  EXPECT_THAT(header.error().message, HasSubstr("no recipients below"));
  EXPECT_THAT(header.error().message, HasSubstr("“name”, “phone”"));
}

TEST(RecipientFile, EstimatesRowsFromTheHead) {
  std::string text = "phone\n";
  for (int i = 0; i < 50'000; ++i) text += "+49170" + std::to_string(1'000'000 + i) + "\n";
  const std::string_view head = std::string_view(text).substr(0, 100'000);
  const auto inspection = inspect_recipient_file(head, text.size(), {});
  ASSERT_TRUE(inspection);
  EXPECT_NEAR(static_cast<double>(inspection->row_estimate), 50'000, 500);
}

}  // namespace
}  // namespace posthorn
