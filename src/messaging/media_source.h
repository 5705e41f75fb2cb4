// Port: where an attachment's bytes are. One source for each way in.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "channels/whatsapp/graph_client.h"
#include "core/result.h"
#include "core/secret.h"
#include "messaging/accounts.h"
#include "messaging/attachments.h"
#include "platform/async.h"

namespace posthorn {

struct MediaPlace {
  std::string url;
  Secret authorization = {};                         // the Authorization header; empty: none
  std::vector<std::string> credential_origins = {};  // who may see it, "https://lookaside.fbsbx.com:443"
  std::string mime_type = {};                        // as told; empty: not told
  std::string sha256 = {};                           // hex or base64; empty: not told
  std::uint64_t size = 0;                            // as told; 0: not told
};

class MediaSource {
 public:
  virtual ~MediaSource() = default;
  // Asked before every attempt, because addresses die within minutes. Errors: not_found (gone at the channel:
  // believed when it is said several times), permission_denied (an address that must not be called);
  // everything else may succeed later.
  virtual Task<Result<MediaPlace>> locate(StoredAttachment attachment, Account account) = 0;
  // The attachment is stored (or was given up): what locate() had put somewhere may go.
  virtual Task<> release(StoredAttachment attachment, Account account);
};

// WhatsApp directly from Meta: GET /{media-id}?phone_number_id=… gives an address that lives five minutes and
// wants the account's token (Cloud API media reference).
class GraphMediaSource final : public MediaSource {
 public:
  // nullptr from `graph`: the account has no usable token.
  explicit GraphMediaSource(std::function<whatsapp::GraphClient*(AccountId)> graph)
      : graph_(std::move(graph)) {}
  Task<Result<MediaPlace>> locate(StoredAttachment attachment, Account account) override;

 private:
  std::function<whatsapp::GraphClient*(AccountId)> graph_;
};

// Instagram and Messenger: the signed address as it came, without credentials.
class SignedUrlSource final : public MediaSource {
 public:
  Task<Result<MediaPlace>> locate(StoredAttachment attachment, Account account) override;
};

}  // namespace posthorn
