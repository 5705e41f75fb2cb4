#include "messaging/media_links.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace posthorn {
namespace {

// A key of its own: what is signed here can stand for nothing else that the same secret signs.
Secret derived(const Secret& key) {
  HmacSha256 hmac(key);
  const auto digest = hmac("posthorn media links 1");
  return Secret(std::string(digest.begin(), digest.end()));
}

}  // namespace

MediaLinks::MediaLinks(const Secret& key, std::string base_url)
    : hmac_(derived(key)), base_url_(std::move(base_url)) {}

std::string MediaLinks::signature_of(AttachmentId attachment, std::string_view until) {
  const auto digest = hmac_(fmt::format("{}\n{}", attachment.value, until));
  return to_base64url(std::string(digest.begin(), digest.end()));
}

std::string MediaLinks::path(AttachmentId attachment, WallTime until) {
  const auto seconds =
      std::to_string(std::chrono::floor<std::chrono::seconds>(until).time_since_epoch().count());
  return fmt::format("/media/{}?until={}&signature={}", attachment.value, seconds,
                     signature_of(attachment, seconds));
}

std::string MediaLinks::link(AttachmentId attachment, WallTime until) {
  return base_url_ + path(attachment, until);
}

bool MediaLinks::valid(AttachmentId attachment, std::string_view until, std::string_view signature,
                       WallTime now) {
  if (!constant_time_equal(signature, signature_of(attachment, until))) return false;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(until.data(), until.data() + until.size(), seconds);
  if (error != std::errc() || end != until.data() + until.size()) return false;
  return now < WallTime(std::chrono::seconds(seconds));
}

}  // namespace posthorn
