#include "sandbox/aws_queue_json.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "platform/crypto.h"
#include "sandbox/json_values.h"

namespace posthorn::sandbox::queue_json {
namespace {

constexpr std::size_t kMostEntries = 10;

}  // namespace

Duration seconds(double n) {
  return Duration(static_cast<std::int64_t>(n * 1'000'000));
}

HttpResponse answer(js::object body, int status) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/x-amz-json-1.0");
  response.body = js::serialize(body);
  return response;
}

HttpResponse refusal(std::string_view code, std::string_view message, int status) {
  return answer(js::object{{"__type", fmt::format("com.amazonaws.sqs#{}", code)}, {"message", message}},
                status);
}

HttpResponse broken() {
  return refusal("InternalError", "We encountered an internal error. Please try again.", 500);
}

// Clients of Amazon's own compare it with what they read.
std::string md5_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  std::size_t size = 0;
  EVP_Q_digest(nullptr, "MD5", nullptr, text.data(), text.size(), digest.data(), &size);
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

// "17-3-…": the message's place, and which reception it was.
std::uint64_t place_of(std::string_view receipt) {
  std::uint64_t n = 0;
  const auto end = std::from_chars(receipt.data(), receipt.data() + receipt.size(), n);
  return end.ec == std::errc() && end.ptr != receipt.data() + receipt.size() && *end.ptr == '-' ? n : 0;
}

js::object failed(std::string_view id, std::string_view code, bool sender, std::string_view message) {
  return {{"Id", id}, {"SenderFault", sender}, {"Code", code}, {"Message", message}};
}

std::expected<js::array, HttpResponse> entries_of(const js::value& body) {
  const js::value* list = member(body, "Entries");
  if (list == nullptr || !list->is_array() || list->get_array().empty())
    return std::unexpected(
        refusal("EmptyBatchRequest", "There should be at least one entry in the request."));
  if (list->get_array().size() > kMostEntries)
    return std::unexpected(
        refusal("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10."));
  std::vector<std::string> ids;
  for (const js::value& entry : list->get_array()) ids.push_back(text_of(entry, "Id"));
  std::ranges::sort(ids);
  if (ids.front().empty()) return std::unexpected(refusal("InvalidBatchEntryId", "An entry has no Id."));
  if (std::ranges::adjacent_find(ids) != ids.end())
    return std::unexpected(refusal("BatchEntryIdsNotDistinct", "Two entries have the same Id."));
  return list->get_array();
}

}  // namespace posthorn::sandbox::queue_json
