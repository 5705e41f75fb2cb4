// A data folder whose tables hold years of conversations, made by bulk SQL in a minute or two and kept for
// the next run.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn::bench {

struct StoreShape {
  std::int64_t messages = 10'000'000;
  std::int64_t conversations = 500'000;
};

// What the filled store is known to hold.
inline constexpr std::string_view kCommonWord = "order";   // in every second message
inline constexpr std::string_view kSecondWord = "hello";   // in every fourth
inline constexpr std::string_view kRareWord = "zanzibar";  // in ten messages
inline constexpr std::int64_t kHeavyConversations = 1000;  // the first ones share a tenth of the messages
std::string filled_channel_id(std::int64_t message);

struct Filled {
  double seconds = 0;  // 0: it was there already
  std::int64_t messages = 0, conversations = 0;
};
// `data_dir` holds the databases of a server that has been started once and has one account.
Result<Filled> fill_store(const std::string& data_dir, StoreShape shape);

}  // namespace posthorn::bench
