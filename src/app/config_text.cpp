#include "app/config_text.h"

#include <fmt/format.h>

#include "platform/config_keys.h"

namespace posthorn {
namespace {

std::string duration_text(Duration d) {
  const auto us = d.count();
  if (us % 1'000'000 == 0) return fmt::format("{}s", us / 1'000'000);
  if (us % 1000 == 0) return fmt::format("{}ms", us / 1000);
  return fmt::format("{}us", us);
}

struct Show {
  Config& config;
  std::string operator()(std::int64_t& (*slot)(Config&)) const { return fmt::format("{}", slot(config)); }
  std::string operator()(double& (*slot)(Config&)) const { return fmt::format("{}", slot(config)); }
  std::string operator()(std::string& (*slot)(Config&)) const { return fmt::format("\"{}\"", slot(config)); }
  std::string operator()(Duration& (*slot)(Config&)) const {
    return fmt::format("\"{}\"", duration_text(slot(config)));
  }
  std::string operator()(Secret& (*slot)(Config&)) const { return slot(config).empty() ? "\"\"" : "(set)"; }
  std::string operator()(std::vector<std::string>& (*slot)(Config&)) const {
    return fmt::format("\"{}\"", fmt::join(slot(config), ","));
  }
};

}  // namespace

std::string config_text(const Config& config) {
  Config copy = config;
  std::string out;
  for (const auto& key : config_keys())
    out += fmt::format("{} = {}\n", key.name, std::visit(Show{copy}, key.slot));
  return out;
}

}  // namespace posthorn
