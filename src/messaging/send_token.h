// The correlation token that travels in biz_opaque_callback_data and comes back in every status webhook:
//   v1.<account>.<campaign>.<row>.<attempt>.<22 characters of base64url: a 128-bit MAC>
// It describes itself, so that an echo settles its row even if the row was lost (I6). No personal data: other
// apps on the same business account can read it. They can also set theirs, so only a token with our MAC
// counts.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "platform/crypto.h"

namespace posthorn {

struct SendToken {
  AccountId account;
  CampaignId campaign;  // 0: a single send
  std::int64_t row_no = 0;
  int attempt = 1;
  friend bool operator==(const SendToken&, const SendToken&) = default;
};

// Makes and verifies tokens. Not thread-safe: one on each thread that needs it.
class TokenMint {
 public:
  explicit TokenMint(const Secret& key) : mac_(key) {}
  void append(const SendToken& token, std::string& out);
  std::string make(const SendToken& token) {
    std::string text;
    append(token, text);
    return text;
  }
  std::optional<SendToken> verify(std::string_view text);  // nothing if it is not ours, whatever the reason

 private:
  HmacSha256 mac_;
};

}  // namespace posthorn
