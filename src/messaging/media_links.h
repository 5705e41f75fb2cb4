// Links to attachments for people without a key, as in e-mails: signed, and good until a moment.
#pragma once
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/crypto.h"

namespace posthorn {

class MediaLinks {
 public:
  // `key`: 32 bytes or more of the server's own; links die with it. `base_url` without trailing slash: where
  // people reach the server (http.public_url, else its own address).
  MediaLinks(const Secret& key, std::string base_url);

  // "https://posthorn.example.org/media/7?until=1767225600&signature=…", whole seconds.
  std::string link(AttachmentId attachment, WallTime until);
  // The link's path and query without the base.
  std::string path(AttachmentId attachment, WallTime until);
  // Whether `until` (seconds, as in the link) and `signature` belong to this attachment and the moment has
  // not come.
  bool valid(AttachmentId attachment, std::string_view until, std::string_view signature, WallTime now);

 private:
  std::string signature_of(AttachmentId attachment, std::string_view until);

  HmacSha256 hmac_;
  std::string base_url_;
};

}  // namespace posthorn
