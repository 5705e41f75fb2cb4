// What files are, what strangers may call them, and links to them.
#include "messaging/media_type.h"

#include <gmock/gmock.h>

#include "messaging/media_links.h"
#include "messaging/media_path.h"

namespace posthorn {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;

const std::string kJpeg = "\xff\xd8\xff\xe0\x00\x10JFIF"s;
const std::string kPng = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"s;
const std::string kWebp = "RIFF\x24\x00\x00\x00WEBPVP8 "s;
const std::string kMp4 = "\x00\x00\x00\x18"s + "ftypisom\x00\x00\x02\x00"s;
const std::string kM4a = "\x00\x00\x00\x18"s + "ftypM4A \x00\x00\x02\x00"s;
const std::string k3gp = "\x00\x00\x00\x18"s + "ftyp3gp4\x00\x00\x02\x00"s;
const std::string kOpus = "OggS\x00\x02"s + std::string(22, '\0') + "OpusHead\x01\x01";
const std::string kVorbis = "OggS\x00\x02"s + std::string(22, '\0') + "\x01vorbis";
const std::string kDocx = "PK\x03\x04\x14\x00"s + std::string(24, '\0') + "[Content_Types].xml" +
                          std::string(40, 'x') + "word/document.xml";
const std::string kZip = "PK\x03\x04\x14\x00"s + std::string(24, '\0') + "holiday.png";
const std::string kOle = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"s + std::string(30, '\0');
const std::string kHtml = "\r\n <!DOCTYPE html><html><body>Sorry</body></html>";

struct Sample {
  std::string name, kind, told, bytes;
  std::string type, extension;  // empty: refused
};
void PrintTo(const Sample& s, std::ostream* out) {
  *out << s.name;
}

class Judged : public testing::TestWithParam<Sample> {};
TEST_P(Judged, ByItsBytes) {
  const Sample& s = GetParam();
  const auto verdict = judge_media(s.kind, s.told, s.bytes);
  if (s.type.empty()) {
    ASSERT_FALSE(verdict) << verdict->mime_type;
    EXPECT_EQ(verdict.error().code, ErrorCode::invalid_argument);
    EXPECT_FALSE(verdict.error().message.empty());
    return;
  }
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(verdict->mime_type, s.type);
  EXPECT_EQ(verdict->extension, s.extension);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Judged,
    testing::Values(
        Sample{"jpeg", "image", "image/jpeg", kJpeg, "image/jpeg", ".jpg"},
        Sample{"png told as jpeg", "image", "image/jpeg", kPng, "image/png", ".png"},
        Sample{"gif", "image", "", "GIF89a..", "image/gif", ".gif"},
        Sample{"voice note without codec", "voice", "audio/ogg", kOpus, "audio/ogg; codecs=opus", ".ogg"},
        Sample{"voice note told as mpeg", "audio", "audio/mpeg", kOpus, "audio/ogg; codecs=opus", ".ogg"},
        Sample{"voice note with parameters", "audio", "audio/ogg; codecs=opus", kOpus,
               "audio/ogg; codecs=opus", ".ogg"},
        Sample{"vorbis", "audio", "audio/ogg; codecs=opus", kVorbis, "audio/ogg", ".ogg"},
        Sample{"m4a", "audio", "audio/mp4", kM4a, "audio/mp4", ".m4a"},
        Sample{"Instagram voice", "audio", "", kMp4, "audio/mp4", ".m4a"},
        Sample{"mp3 with tag", "audio", "audio/mpeg", "ID3\x04...", "audio/mpeg", ".mp3"},
        Sample{"mp3 frames", "audio", "audio/mpeg", "\xff\xfb\x90\x64..", "audio/mpeg", ".mp3"},
        Sample{"aac", "audio", "audio/aac", "\xff\xf1\x50\x80..", "audio/aac", ".aac"},
        Sample{"amr", "audio", "audio/amr", "#!AMR\n\x3c", "audio/amr", ".amr"},
        Sample{"mp4", "video", "video/mp4", kMp4, "video/mp4", ".mp4"},
        Sample{"3gp", "video", "video/mp4", k3gp, "video/3gpp", ".3gp"},
        Sample{"sticker", "sticker", "image/webp", kWebp, "image/webp", ".webp"},
        Sample{"Messenger sticker", "sticker", "", kPng, "image/png", ".png"},
        Sample{"story video", "story_mention", "", kMp4, "video/mp4", ".mp4"},
        Sample{"pdf", "document", "application/pdf", "%PDF-1.7", "application/pdf", ".pdf"},
        Sample{"docx by its folders", "document", "application/zip", kDocx,
               "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"},
        Sample{"zip", "document", "application/zip", kZip, "application/zip", ".zip"},
        Sample{"xlsx by its name only", "document",
               "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", kZip,
               "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"},
        Sample{"doc", "document", "application/msword", kOle, "application/msword", ".doc"},
        Sample{"ole of unknown kind", "document", "image/png", kOle, "application/x-ole-storage", ".bin"},
        Sample{"text", "document", "text/plain", "Grüße\n", "text/plain", ".txt"},
        Sample{"csv", "document", "text/csv", "a;b\n1;2\n", "text/csv", ".csv"},
        Sample{"vcard", "file", "text/vcard", "BEGIN:VCARD", "text/vcard", ".vcf"},
        Sample{"program", "document", "application/pdf", "MZ\x90\x00\x03"s, "application/octet-stream",
               ".bin"},
        Sample{"html sent as html", "document", "text/html", kHtml, "text/html", ".html"},
        Sample{"html as image", "image", "image/jpeg", kHtml, "", ""},
        Sample{"html as sticker", "sticker", "image/webp", kHtml, "", ""},
        Sample{"html as pdf", "document", "application/pdf", kHtml, "", ""},
        Sample{"html as an untold file", "file", "", kHtml, "", ""},
        Sample{"html behind a byte order mark", "image", "image/png", "\xef\xbb\xbf" + kHtml, "", ""},
        Sample{"svg as image", "image", "image/svg+xml", "<?xml version='1.0'?><svg onload='x()'>", "", ""},
        Sample{"script as video", "video", "video/mp4", "<script>alert(1)</script>", "", ""},
        Sample{"text as image", "image", "image/jpeg", "URL signature expired", "", ""},
        Sample{"program as image", "image", "image/jpeg", "MZ\x90\x00"s, "", ""},
        Sample{"image as audio", "audio", "audio/ogg", kJpeg, "", ""},
        Sample{"audio as image", "image", "image/jpeg", kOpus, "", ""},
        Sample{"empty", "document", "text/plain", "", "", ""}));

TEST(MediaHash, IsReadFromHexAndBase64) {
  const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(hash_as_hex(hex), hex);
  EXPECT_EQ(hash_as_hex("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"), hex);
  EXPECT_EQ(hash_as_hex("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), hex);
  EXPECT_EQ(hash_as_hex("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"), hex);
  for (const char* bad : {"", "abc", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIA", "????????????????"})
    EXPECT_EQ(hash_as_hex(bad), "") << bad;
}

TEST(MediaLimits, OfWhatWeMaySendAndOfWhatPeopleSend) {
  EXPECT_EQ(supported_media().size(), 19U);
  ASSERT_NE(find_supported("audio/ogg; codecs=opus"), nullptr);
  EXPECT_EQ(find_supported("audio/ogg; codecs=opus")->extension, ".ogg");
  EXPECT_EQ(find_supported("IMAGE/JPEG")->limit, 5U * 1024 * 1024);
  EXPECT_EQ(find_supported("image/webp")->limit, 500U * 1024);
  EXPECT_EQ(find_supported("image/svg+xml"), nullptr);
  EXPECT_GE(incoming_limit("image"), 5U * 1024 * 1024);
  EXPECT_EQ(incoming_limit("document"), 100U * 1024 * 1024);
  EXPECT_EQ(incoming_limit("whatever_comes_next"), 100U * 1024 * 1024);
}

TEST(MediaPath, HasTheSeedLayout) {
  EXPECT_EQ(media_path({"Café & Co", "1347766229904230", "106540352242922", "491701234567",
                        "wamid.HBg/LN+=", "123", ".jpg"}),
            "business=Caf_Co/wabaMetaId=1347766229904230/phone=106540352242922/from=491701234567/"
            "waMessageId=wamid.HBg_LN_=/mediaId=123.jpg");
  EXPECT_EQ(media_path({"", "", "", "", "", "", ".bin"}),
            "business=unknown/wabaMetaId=unknown/phone=unknown/from=unknown/waMessageId=unknown/"
            "mediaId=unknown.bin");
  const auto hostile =
      media_path({"../../etc", "a/../b", "..\\..", "\0x"s, "m", std::string(5000, 'i'), ".bin"});
  EXPECT_EQ(std::ranges::count(hostile, '/'), 5);
  EXPECT_THAT(hostile, Not(HasSubstr("/..")));
  EXPECT_LT(hostile.size(), 600U);
}

struct Named {
  std::string given, extension, wanted;
};
class FileName : public testing::TestWithParam<Named> {};
TEST_P(FileName, IsHarmless) {
  EXPECT_EQ(safe_file_name(GetParam().given, GetParam().extension, "document-7"), GetParam().wanted);
}
INSTANTIATE_TEST_SUITE_P(
    Table, FileName,
    testing::Values(
        Named{"invoice.pdf", ".pdf", "invoice.pdf"}, Named{"INVOICE.PDF", ".pdf", "INVOICE.pdf"},
        Named{"Rechnung März.pdf", ".pdf", "Rechnung März.pdf"}, Named{"", ".pdf", "document-7.pdf"},
        Named{"../../etc/passwd", ".txt", "passwd.txt"},
        Named{"C:\\Windows\\system.ini", ".txt", "system.ini.txt"}, Named{"..", ".pdf", "document-7.pdf"},
        Named{".htaccess", ".txt", "htaccess.txt"}, Named{"photo.html", ".jpg", "photo.html.jpg"},
        Named{"invoice\xe2\x80\xae"
              "fdp.exe",
              ".pdf", "invoice_fdp.exe.pdf"},
        Named{"a\r\nSet-Cookie: x=1.pdf", ".pdf", "a_Set-Cookie_ x=1.pdf"},
        Named{"a\0b.pdf"s, ".pdf", "a_b.pdf"}, Named{"con.pdf", ".pdf", "_con.pdf"},
        Named{"LPT1.txt.pdf", ".pdf", "_LPT1.txt.pdf"}, Named{"\xff\xfe.pdf", ".pdf", "document-7.pdf"},
        Named{"x\xc0\xafy.pdf", ".pdf", "x_y.pdf"}, Named{"a\"b;c%00.pdf", ".pdf", "a_b_c_00.pdf"},
        Named{"name. . .", ".pdf", "name.pdf"}, Named{"   ", ".pdf", "document-7.pdf"}));

TEST(LongFileName, IsCutBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "ä";
  const auto safe = safe_file_name("x" + name + ".pdf", ".pdf", "d");
  EXPECT_LE(safe.size(), 150U);
  EXPECT_TRUE(safe.ends_with("ä.pdf")) << safe;
}

TEST(ContentDisposition, FollowsTheStandards) {
  EXPECT_EQ(content_disposition(false, "a.pdf"), "attachment; filename=\"a.pdf\"");
  EXPECT_EQ(content_disposition(true, "a.jpg"), "inline; filename=\"a.jpg\"");
  EXPECT_EQ(content_disposition(false, "März.pdf"),
            "attachment; filename=\"M_rz.pdf\"; filename*=UTF-8''M%C3%A4rz.pdf");
  EXPECT_THAT(content_disposition(false, "a\"\r\nX: b.pdf"), Not(HasSubstr("\n")));
}

TEST(MediaLinks, HoldForTheirAttachmentUntilTheirMoment) {
  const Secret key(std::string(32, 'k'));
  MediaLinks links(key, "https://posthorn.example");
  const WallTime until = WallTime(std::chrono::seconds(1'767'225'600));
  const auto link = links.link(AttachmentId{7}, until);
  EXPECT_THAT(link, testing::StartsWith("https://posthorn.example/media/7?until=1767225600&signature="));
  const auto signature = link.substr(link.rfind('=') + 1);
  const WallTime before = until - std::chrono::seconds(1);
  EXPECT_TRUE(links.valid(AttachmentId{7}, "1767225600", signature, before));
  EXPECT_FALSE(links.valid(AttachmentId{7}, "1767225600", signature, until));
  EXPECT_FALSE(links.valid(AttachmentId{8}, "1767225600", signature, before));
  EXPECT_FALSE(links.valid(AttachmentId{7}, "1767225601", signature, before));
  EXPECT_FALSE(links.valid(AttachmentId{7}, "+1767225600", signature, before));
  EXPECT_FALSE(links.valid(AttachmentId{7}, "1767225600", "", before));
  EXPECT_FALSE(links.valid(AttachmentId{7}, "", "", before));
  MediaLinks others(Secret(std::string(32, 'o')), "https://posthorn.example");
  EXPECT_FALSE(others.valid(AttachmentId{7}, "1767225600", signature, before));
}

}  // namespace
}  // namespace posthorn
