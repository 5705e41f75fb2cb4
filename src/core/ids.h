// Typed database ids: two ids of different kinds cannot be swapped by mistake.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>

namespace posthorn {

template <class Tag>
struct Id {
  std::int64_t value = 0;  // 0 means "none"; stored ids start at 1
  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

using AccountId =
    Id<struct AccountTag>;  // one sending identity: a WhatsApp phone number, an Instagram account, a Page
using TemplateId = Id<struct TemplateTag>;
using UploadId = Id<struct UploadTag>;      // an uploaded recipient file
using CampaignId = Id<struct CampaignTag>;  // a broadcast; 0 is the account's queue of single sends
using JournalId = Id<struct JournalTag>;    // one verbatim webhook body
using EventId = Id<struct EventTag>;        // position in the event log
using PersonId = Id<struct PersonTag>;
using ConversationId = Id<struct ConversationTag>;  // one person (or group) and one account
using MessageId = Id<struct MessageTag>;            // grows in the order of commits
using AttachmentId = Id<struct AttachmentTag>;
using ApiKeyId = Id<struct ApiKeyTag>;

}  // namespace posthorn

template <class Tag>
struct std::hash<posthorn::Id<Tag>> {
  std::size_t operator()(posthorn::Id<Tag> id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
