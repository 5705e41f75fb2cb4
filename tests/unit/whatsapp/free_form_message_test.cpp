#include "channels/whatsapp/free_form_message.h"

#include <array>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace posthorn::whatsapp {
namespace {

TEST(FreeFormMessage, Reactions) {
  EXPECT_EQ(*reaction_content("wamid.A", "👍"),
            R"({"type":"reaction","reaction":{"message_id":"wamid.A","emoji":"👍"}})");
  EXPECT_EQ(*reaction_content("wamid.A", ""),
            R"({"type":"reaction","reaction":{"message_id":"wamid.A","emoji":""}})");
  EXPECT_FALSE(reaction_content("", "👍"));
}

TEST(FreeFormMessage, TextsCountCharacters) {
  std::string text;
  for (int i = 0; i < 4096; ++i) text += "ü";
  EXPECT_TRUE(text_content(text));
  EXPECT_FALSE(text_content(text + "u"));
  EXPECT_FALSE(text_content(""));
  EXPECT_EQ(*text_content("\"x\"\n"), R"({"type":"text","text":{"preview_url":false,"body":"\"x\"\n"}})");
}

TEST(FreeFormMessage, ButtonsKeepTheLimits) {
  const std::array<ReplyButton, 4> four = {{{"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}}};
  EXPECT_TRUE(buttons_content({"h", "b", "f"}, std::span(four).first(3)));
  EXPECT_FALSE(buttons_content({"h", "b", "f"}, four));
  EXPECT_FALSE(buttons_content({"h", "b", "f"}, {}));
  const auto refuses = [](InteractiveFrame frame, ReplyButton button) {
    return !buttons_content(frame, std::span(&button, 1));
  };
  const std::string long_text(1025, 'x'), long_id(257, 'x'), short_long(61, 'x'), title(21, 'x');
  EXPECT_TRUE(refuses({"", long_text, ""}, {"a", "A"}));
  EXPECT_TRUE(refuses({"", "", ""}, {"a", "A"}));
  EXPECT_TRUE(refuses({short_long, "b", ""}, {"a", "A"}));
  EXPECT_TRUE(refuses({"", "b", short_long}, {"a", "A"}));
  EXPECT_TRUE(refuses({"", "b", ""}, {long_id, "A"}));
  EXPECT_TRUE(refuses({"", "b", ""}, {"", "A"}));
  EXPECT_TRUE(refuses({"", "b", ""}, {"a", title}));
  EXPECT_FALSE(refuses({"", "b", ""}, {"a", "A"}));
  const std::array<ReplyButton, 2> twice = {{{"a", "A"}, {"b", "A"}}};
  EXPECT_FALSE(buttons_content({"", "b", ""}, twice));
}

TEST(FreeFormMessage, ListsKeepTheLimits) {
  std::vector<std::string> ids;
  for (int i = 0; i < 11; ++i) ids.push_back(fmt::format("r{}", i));
  std::vector<ListRow> rows;
  for (const std::string& id : ids) rows.push_back({id, id, ""});
  const auto one = [](std::span<const ListRow> r) { return std::array<ListSection, 1>{ListSection{"", r}}; };
  EXPECT_TRUE(list_content({"", "b", ""}, "Go", one(std::span(rows).first(10))));
  EXPECT_FALSE(list_content({"", "b", ""}, "Go", one(rows)));
  EXPECT_FALSE(list_content({"", "b", ""}, "Go", one({})));
  EXPECT_FALSE(list_content({"", "b", ""}, "", one(std::span(rows).first(1))));
  EXPECT_FALSE(list_content({"", "b", ""}, "Go", {}));
  const std::array<ListSection, 2> untitled = {ListSection{"One", std::span(rows).first(1)},
                                               ListSection{"", std::span(rows).subspan(1, 1)}};
  EXPECT_FALSE(list_content({"", "b", ""}, "Go", untitled));
  const std::array<ListRow, 2> same = {{{"a", "A", ""}, {"a", "B", ""}}};
  EXPECT_FALSE(list_content({"", "b", ""}, "Go", one(same)));
  const std::string wide(73, 'x');
  const std::array<ListRow, 1> described = {{{"a", "A", wide}}};
  EXPECT_FALSE(list_content({"", "b", ""}, "Go", one(described)));
}

TEST(FreeFormMessage, MediaWithWhatBelongsToIt) {
  EXPECT_EQ(*media_content({"document", "12", "c", "a.pdf"}),
            R"({"type":"document","document":{"id":"12","caption":"c","filename":"a.pdf"}})");
  EXPECT_EQ(*media_content({"sticker", "12", "", ""}), R"({"type":"sticker","sticker":{"id":"12"}})");
  EXPECT_FALSE(media_content({"sticker", "12", "c", ""}));
  EXPECT_FALSE(media_content({"audio", "12", "c", ""}));
  EXPECT_FALSE(media_content({"image", "12", "", "a.jpg"}));
  EXPECT_FALSE(media_content({"image", "../12", "", ""}));
  EXPECT_FALSE(media_content({"film", "12", "", ""}));
}

struct Sendable {
  std::string_view wanted, mime_type;
  std::uint64_t size;
  std::string_view kind;
};
TEST(FreeFormMessage, KnowsAsWhatAFileMayGo) {
  constexpr std::uint64_t kMega = 1024 * 1024;
  const Sendable cases[] = {
      {"image", "image/jpeg", 5 * kMega, "image"},
      {"image", "image/jpeg", 5 * kMega + 1, "document"},
      {"image", "image/gif", 100, ""},
      {"image", "image/webp", 100, "sticker"},
      {"sticker", "image/webp", 500 * 1024, "sticker"},
      {"sticker", "image/webp", 500 * 1024 + 1, ""},
      {"document", "image/jpeg", 100, "document"},
      {"document", "application/pdf", 100 * kMega, "document"},
      {"document", "application/pdf", 100 * kMega + 1, ""},
      {"voice", "audio/ogg; codecs=opus", 100, "voice"},
      {"voice", "audio/mpeg", 100, "audio"},
      {"audio", "audio/ogg", 100, "audio"},
      {"video", "video/mp4", 17 * kMega, "document"},
      {"video", "video/quicktime", 100, ""},
      {"document", "application/zip", 100, ""},
      {"image", "image/png", 0, ""},
  };
  for (const Sendable& c : cases)
    EXPECT_EQ(sendable_as(c.wanted, c.mime_type, c.size), c.kind) << c.mime_type << c.size;
}

}  // namespace
}  // namespace posthorn::whatsapp
