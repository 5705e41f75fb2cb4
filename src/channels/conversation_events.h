// What happens in conversations, whatever the channel: the vocabulary between the channels' parsers and
// messaging/.
//
// Ids and texts are kept as sent. Times are the channel's; a time of 0 means that it named none.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace posthorn::channels {

enum class Channel : std::uint8_t { whatsapp = 1, instagram = 2, messenger = 3 };  // values are stored
std::string_view to_string(Channel channel);                                       // "whatsapp", …

// How a channel names a person. Scope: phone, bsuid and parent_bsuid are unique in a business portfolio, the
// other two at one receiving account (Instagram account, Page).
enum class AddressKind : std::uint8_t {  // values are stored
  phone = 1,                             // E.164 digits without '+', as the channel spells them
  bsuid = 2,                             // WhatsApp's business-scoped user id, "DE.123…", case kept
  parent_bsuid = 3,                      // "DE.ENT.123…"
  instagram_scoped = 4,                  // IGSID
  page_scoped = 5,                       // PSID
};
struct Address {
  AddressKind kind = AddressKind::phone;
  std::string value;
  friend auto operator<=>(const Address&, const Address&) = default;
};

// The person at the other end as one event tells of them.
struct Party {
  std::vector<Address> addresses;  // strongest first: bsuid, phone; or the scoped id. Empty: not told
  std::string name;                // profile name; empty: not told
  std::string username;            // without '@'; empty: not told
  std::string identity_hash;       // identity_key_hash; empty: not told
};

struct Attachment {
  std::string
      kind;  // image, video, audio, voice, document, sticker, story_mention, story_reply, share, reel, …
  std::string media_id;   // WhatsApp: to be asked for at the Graph API
  std::string url;        // a signed link that dies soon
  std::string mime_type;  // as told; may be wrong
  std::string sha256;     // as told: base64 or hex; empty: not told
  std::string file_name;
  bool animated = false;
};

enum class Direction : std::uint8_t { in = 0, out = 1 };  // out: an echo of what our side sent

// One message, or what channels deliver like one: taps on buttons (postback), referrals, opt-ins.
struct MessageEvent {
  Direction direction = Direction::in;
  std::string id;  // wamid or mid, up to several hundred characters; never empty (a postback without mid gets
                   // a made one)
  Party person;    // who wrote; for an echo: to whom
  std::string group_id;  // WhatsApp group; empty: a conversation of two
  WallTime at{};
  // text, image, video, audio, voice, document, sticker, location, contacts, button, interactive, order,
  // system, postback, referral, optin, request_welcome, story_mention, story_reply, share, template,
  // unsupported, … A kind without a name here keeps the channel's.
  std::string type;
  std::string text;      // what a person reads: body, caption, button title, reply title, order's words
  std::string payload;   // button payload, interactive reply id, postback payload
  std::string reply_to;  // id of the message it answers; empty: none
  std::string content;   // the type's own JSON (and "context", "referral" where there are any), canonical;
                         // "{}" if none
  std::string ref;       // referral: ad id, ref parameter or source url; empty: none
  std::vector<Attachment> attachments;
  int error_code = 0;  // unsupported: the channel's code and words
  std::string error;
  bool forwarded = false;
  bool from_history = false;   // coexistence history: nobody is to be answered or notified
  bool standby = false;        // another app owns the thread
  std::string app_id;          // echoes: the app that sent it, if told
  std::string metadata;        // echoes on Messenger: our own correlation token comes back here
  std::string history_status;  // history: delivery status of what the owner sent; empty: none
  bool opens_free_entry_point =
      false;  // came from an advert or a Page button: 72 hours free of charge (WhatsApp)
};

struct ReactionEvent {
  Direction direction = Direction::in;
  std::string id;         // id of the event itself; empty: the channel gives none
  std::string target_id;  // the message reacted to
  std::string emoji;      // empty: the reaction was removed
  Party person;
  std::string group_id;
  WallTime at{};
};

struct EditEvent {
  std::string id;  // id of the event itself; empty: none
  std::string target_id;
  std::string type, text, content;
  int edit_number = 0;  // highest wins; 0: the channel does not count
  Direction direction = Direction::in;
  Party person;
  WallTime at{};
};

// Unsent by its author: our copy must go.
struct RevokeEvent {
  std::string id, target_id;
  Direction direction = Direction::in;
  Party person;
  WallTime at{};
};

// The person got or read what we sent, by watermark or by id (Instagram, Messenger; WhatsApp has statuses).
struct ReceiptEvent {
  bool read = false;             // else delivered
  std::vector<std::string> ids;  // may be empty
  WallTime watermark{};          // everything sent up to then; 0: only `ids`
  Party person;
  WallTime at{};
};

// A person's addresses changed; `person` holds the new ones, `previous` what they replace.
struct IdentityEvent {
  std::string id;
  std::string reason;  // user_changed_number, user_changed_user_id, customer_identity_changed, user_id_update
  Party person;
  std::vector<Address> previous;
  std::string text;  // the channel's words
  WallTime at{};
};

struct CallEvent {
  std::string id;     // call id
  std::string event;  // connect, terminate, RINGING, ACCEPTED, REJECTED, …
  bool from_business = false;
  std::string status;  // COMPLETED, FAILED, …; empty: not told
  std::int64_t seconds = 0;
  Party person;
  std::string content;  // the call's JSON, canonical
  WallTime at{};
};

struct GroupEvent {
  std::string group_id;
  std::string type;        // group_create, group_participants_add, …
  std::string request_id;  // empty: not asked for by us
  std::string subject;     // new name, if told
  std::vector<Party> added, removed;
  int error_code = 0;
  std::string content;
  WallTime at{};
};

// The address book of a number in coexistence.
struct ContactSyncEvent {
  Party person;
  bool removed = false;
  WallTime at{};
};

// Everything else that is to be kept and shown, but belongs to no conversation: flow alerts, payment
// configurations, comments, thread control, policy notices.
struct NoticeEvent {
  std::string kind;     // kind in the event log: "flow.status", "payment.status", "comment.received", …
  std::string subject;  // what it is about, "flow:123"; empty: the account
  Party person;         // who is concerned; no addresses: nobody
  std::string summary;  // one line for people
  WallTime at{};
};

}  // namespace posthorn::channels
