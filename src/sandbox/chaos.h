// Faults on purpose. A plan is a list of faults, each with a rate; one draw decides each request.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "sandbox/dice.h"

namespace posthorn::sandbox {

enum class FaultKind {
  error,           // Graph error `code`
  http_500_empty,  // status 500 without a body
  http_502_html,   // a proxy's error page
  garbage_200,     // 200 with bytes that are no JSON
  truncated_200,   // 200 with the answer cut in the middle
  error_200,       // 200 with a Graph error body
  lost_reply,      // processed, then the connection is reset
  reset_before,    // reset, not processed
  hang,         // no answer for `max_delay` (processed or not by `processed`), then the connection is closed
  slow,         // processed at once, answered after a delay between min_delay and max_delay
  retry_after,  // 130429 with an absurd Retry-After of `code` seconds
};

std::string_view to_string(FaultKind kind);
Result<FaultKind> parse_fault_kind(std::string_view name);

struct Fault {
  FaultKind kind = FaultKind::error;
  double rate = 0;    // of the requests in scope, 0 to 1
  int code = 131000;  // error, error_200: Graph code; retry_after: seconds
  int subcode = 0;    // error on Instagram and Messenger
  bool processed =
      false;  // http_500_empty, http_502_html, garbage_200, hang: whether the message is delivered
              // all the same (truncated_200, lost_reply and slow always are; the others never)
  Duration min_delay{};
  Duration max_delay = std::chrono::seconds(30);
  std::int64_t remaining = -1;  // how many more times; -1 is for ever
  std::string number;           // only requests to this phone number or account id; empty: all
  bool management = false;      // applies to management calls and media instead of messages
};

// Shares of webhook updates; each update is drawn once.
struct WebhookChaos {
  double drop = 0;
  double duplicate = 0;  // sent once more, up to 5 s later
  double reorder = 0;    // held back by up to `reorder_by`
  Duration reorder_by = std::chrono::seconds(5);
  Duration delay{};  // added to every update
};

// The host that files are downloaded from (WhatsApp's and the CDN of the others).
struct MediaChaos {
  enum class Kind {
    none,
    down,          // the connection is closed without an answer
    error,         // status `code`
    lying_length,  // Content-Length says more than there is; the connection is closed in the middle
    endless,       // bytes without an end (at most 1 GiB)
    html,          // an HTML page with status 200 and the file's type
    slow,          // 1 KiB every `pace`
  };
  Kind kind = Kind::none;
  int code = 404;
  Duration pace = std::chrono::milliseconds(100);
  MonotonicTime until = MonotonicTime::max();  // the fault ends by itself
  std::int64_t remaining = -1;                 // how many more downloads; -1 is for ever
  std::uint64_t met = 0;                       // downloads that met it
};
std::string_view to_string(MediaChaos::Kind kind);
Result<MediaChaos::Kind> parse_media_kind(std::string_view name);

class Chaos {
 public:
  WebhookChaos webhooks;
  MediaChaos media;
  bool account_restricted = false;  // every send answers 131031
  double held = 0;                  // share of template messages answered `held_for_quality_assessment`

  void add(Fault fault) { faults_.push_back(std::move(fault)); }
  void clear();
  const std::vector<Fault>& faults() const { return faults_; }

  // The fault this request meets, if any; counts it.
  const Fault* draw(Dice& dice, std::string_view number, bool management);
  std::uint64_t injected(FaultKind kind) const { return injected_[static_cast<std::size_t>(kind)]; }

 private:
  std::vector<Fault> faults_;
  std::array<std::uint64_t, 11> injected_{};
};

}  // namespace posthorn::sandbox
