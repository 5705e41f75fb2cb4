// Pre-flight: compiles the upload into a recipient list and gathers what preflight.h judges.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broadcasts/campaign_ports.h"
#include "broadcasts/campaign_store.h"
#include "core/json.h"

namespace posthorn {

class CampaignChecker {
 public:
  CampaignChecker(CampaignPorts ports, const CampaignDefaults& defaults)
      : ports_(std::move(ports)), defaults_(defaults) {}

  // draft or ready → preflighting → ready, or back to draft with the reason. Returns the summary, with its
  // blockers, also in the latter case; errors are those that prevented one (unreadable file, wrong mapping,
  // disk full).
  Task<Result<json::object>> preflight(CampaignId id, std::string actor);

  Task<Result<json::object>> inspect(UploadId upload, AccountId account, std::string template_name,
                                     std::string language);
  Task<Result<json::array>> preview(CampaignId id, std::vector<std::int64_t> lines, int count);
  // The request body, without token, as the recipient of `line` would get it, addressed to `phone`.
  Task<Result<std::string>> render_line(CampaignId id, std::int64_t line, PhoneNumber phone);

 private:
  struct Gathered;
  struct Compiled;
  Task<Result<Gathered>> gather(CampaignId id);
  Task<Result<json::object>> check(Gathered facts);
  Task<Result<Compiled>> compile(Gathered* facts);
  static Result<std::function<std::optional<std::string>(std::span<const std::string>)>> value_check(
      const Gathered& facts);
  Task<Result<std::string>> read_head(const UploadRow& upload);

  CampaignPorts ports_;
  const CampaignDefaults& defaults_;
};

}  // namespace posthorn
