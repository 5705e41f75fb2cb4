#include "sandbox/sample_files.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "platform/crypto.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace {

constexpr double kLargest = 100.0 * 1024 * 1024;

constexpr std::string_view kPdf =
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

struct Sample {
  std::string_view kind, mime, base64url;  // empty base64url: the PDF
};
// clang-format off
constexpr auto kSamples = std::to_array<Sample>({
    {"image", "image/jpeg", "_9j_4AAQSkZJRgABAQEASABIAAD_2wBDAP______________________________________________________________________________________wgALCAABAAEBAREA_8QAFBABAAAAAAAAAAAAAAAAAAAAAP_aAAgBAQABPxA"},
    {"video", "video/mp4", "AAAAHGZ0eXBpc29tAAACAGlzb21pc28ybXA0MQAAAHRtb292AAAAbG12aGQAAAAAAAAAAAAAAAAAAAPoAAAAAAABAAABAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAAAACG1kYXQ"},
    {"audio", "audio/aac", "__FQgAF__CEQBGA"},
    {"voice", "audio/ogg; codecs=opus", "T2dnUwACAAAAAAAAAAAHAAAAAAAAAMoJdv0BE09wdXNIZWFkAQE4AYA-AAAAAABPZ2dTAAAAAAAAAAAAAAcAAAABAAAARbMFjQEUT3B1c1RhZ3MEAAAAdGVzdAAAAABPZ2dTAATAAwAAAAAAAAcAAAACAAAANw64EQEDCP_-"},
    {"sticker", "image/webp", "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA_vuUAAA"},
    {"document", "application/pdf", ""},
    {"file", "application/pdf", ""},
});
// clang-format on

Result<std::string> decode(std::string text) {
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  while (text.ends_with('=')) text.pop_back();
  auto bytes = from_base64url(text);
  if (!bytes) return fail(ErrorCode::invalid_argument, "\"base64\" is not base64 text", "base64");
  return bytes;
}

}  // namespace

SampleFile sample_file(std::string_view kind) {
  const auto* it = std::ranges::find(kSamples, kind, &Sample::kind);
  if (it == kSamples.end()) return {};
  SampleFile out{std::string(it->mime), std::string(kPdf)};
  if (!it->base64url.empty()) out.bytes = from_base64url(it->base64url).value_or(std::string());
  return out;
}

Result<SampleFile> file_of(const boost::json::value& description, std::string_view kind) {
  SampleFile file = sample_file(kind);
  file.mime = text_of(description, "mime_type", file.mime);
  if (const std::string text = text_of(description, "base64"); !text.empty()) {
    PH_TRY_ASSIGN(file.bytes, decode(text));
  }
  file.bytes = text_of(description, "text", file.bytes);
  const double size = number_of(description, "size", 0);
  if (size < 0 || size > kLargest)
    return fail(ErrorCode::invalid_argument, "\"size\" must be at most 104857600 bytes", "size");
  for (std::size_t i = file.bytes.size(); i < static_cast<std::size_t>(size); ++i)
    file.bytes += static_cast<char>('a' + i % 23);
  return file;
}

}  // namespace posthorn::sandbox
