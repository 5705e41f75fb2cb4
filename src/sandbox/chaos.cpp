#include "sandbox/chaos.h"

#include <algorithm>

namespace posthorn::sandbox {
namespace {

constexpr std::array<std::string_view, 11> kNames = {
    "error",      "http_500_empty", "http_502_html", "garbage_200", "truncated_200", "error_200",
    "lost_reply", "reset_before",   "hang",          "slow",        "retry_after"};
constexpr std::array<std::string_view, 7> kMediaNames = {"none",    "down", "error", "lying_length",
                                                         "endless", "html", "slow"};

}  // namespace

std::string_view to_string(FaultKind kind) {
  return kNames.at(static_cast<std::size_t>(kind));
}

Result<FaultKind> parse_fault_kind(std::string_view name) {
  const auto* it = std::ranges::find(kNames, name);
  if (it == kNames.end()) {
    std::string all;
    for (auto n : kNames) all += (all.empty() ? "" : ", ") + std::string(n);
    return fail(ErrorCode::invalid_argument,
                "fault kind \"" + std::string(name) + "\" is unknown; use one of " + all, "kind");
  }
  return static_cast<FaultKind>(it - kNames.begin());
}

void Chaos::clear() {
  *this = Chaos();
}

const Fault* Chaos::draw(Dice& dice, std::string_view number, bool management) {
  if (faults_.empty()) return nullptr;
  double left = dice.unit();
  for (Fault& fault : faults_) {
    const bool in_scope = fault.management == management && fault.remaining != 0 &&
                          (fault.number.empty() || fault.number == number);
    if (!in_scope) continue;
    if (left >= fault.rate) {
      left -= fault.rate;
      continue;
    }
    if (fault.remaining > 0) --fault.remaining;
    ++injected_[static_cast<std::size_t>(fault.kind)];
    return &fault;
  }
  return nullptr;
}

std::string_view to_string(MediaChaos::Kind kind) {
  return kMediaNames.at(static_cast<std::size_t>(kind));
}

Result<MediaChaos::Kind> parse_media_kind(std::string_view name) {
  const auto* it = std::ranges::find(kMediaNames, name);
  if (it != kMediaNames.end()) return static_cast<MediaChaos::Kind>(it - kMediaNames.begin());
  return fail(ErrorCode::invalid_argument,
              "\"" + std::string(name) +
                  "\" is not a fault of the media host: none, down, error, lying_length, "
                  "endless, html or slow",
              "media");
}

}  // namespace posthorn::sandbox
