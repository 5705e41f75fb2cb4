// Refusals of marketing as sends meet them. They hold for the person, where the send or its number tells who
// that is, and for the number in every spelling. SQL only: every function works inside the caller's
// transaction.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/phone_number.h"
#include "core/result.h"
#include "core/time.h"
#include "messaging/accounts.h"
#include "messaging/send_state.h"
#include "messaging/wamid_index.h"
#include "storage/database.h"

namespace posthorn::opt_outs {

struct Refusal {
  AccountId account;
  SendKey send;             // a single send may be a message of a conversation, which knows the person
  std::uint64_t phone = 0;  // as in sends; 0 and keys that are no numbers: not known
  int code = 0;             // Meta's error code: 131050
  WallTime at{};
  WallTime
      sent_at{};  // when the refused message left: Meta knew the refusal then; the epoch: `at` stands for it
};
// True if it was new. Whoever has asked for messages after the refused one was sent has not refused since. An
// account that is not known any more is no error.
Result<bool> refused(Transaction& tx, const Refusal& refusal);

// Whether marketing to this number is not wanted: by the number, or by whoever is known by it.
Result<bool> refuses(Transaction& tx, const Account& account, PhoneNumber phone);

// 'contact.opted_out' or 'contact.opted_in'.
Result<> note(Transaction& tx, PersonId person, AccountId account, std::string_view source, bool stop,
              WallTime now);

}  // namespace posthorn::opt_outs
