#include "sandbox/limits.h"

#include <algorithm>

namespace posthorn::sandbox {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
constexpr Duration kDay = std::chrono::hours(24);
constexpr Duration kHour = std::chrono::hours(1);

void forget(std::deque<MonotonicTime>& times, MonotonicTime until) {
  while (!times.empty() && times.front() <= until) times.pop_front();
}

}  // namespace

Limits::Limits(const LimitConfig& config, std::size_t numbers) : config_(config), numbers_(numbers) {}

void Limits::clear() {
  *this = Limits(config_, numbers_.size());
}

void Limits::arrive(std::size_t number, MonotonicTime now) {
  Number& n = numbers_.at(number);
  PaceRecord& r = n.record;
  if (r.arrivals++ == 0) r.first = now;
  r.last = now;
  forget(n.arrivals, now - kSecond);
  n.arrivals.push_back(now);
  r.max_window = std::max<std::uint64_t>(r.max_window, n.arrivals.size());
  const std::int64_t second = now.time_since_epoch() / kSecond;
  if (n.current_count == nullptr || second != n.current_second) {
    n.current_second = second;
    n.current_count = &r.per_second[second];
  }
  ++*n.current_count;
}

bool Limits::allow_throughput(std::size_t number, int messages_per_second, MonotonicTime now) {
  if (!config_.throughput || messages_per_second <= 0) return true;
  Number& n = numbers_.at(number);
  forget(n.granted, now - (kSecond - config_.throughput_slack));
  if (n.granted.size() < static_cast<std::size_t>(messages_per_second)) {
    n.granted.push_back(now);
    return true;
  }
  ++n.record.refused_rate;
  return false;
}

void Limits::inbound(std::size_t number, MonotonicTime now) {
  if (config_.count_inbound) numbers_.at(number).granted.push_back(now);
}

// A leaky bucket: every message moves the pair's clock on by one interval; it may run ahead of real time by
// the burst.
bool Limits::allow_pair(std::size_t number, std::uint64_t phone, MonotonicTime now) {
  if (!config_.pair) return true;
  const std::int64_t t = now.time_since_epoch().count();
  if (pairs_.size() >= purge_pairs_at_) {
    pairs_.keep_if([&](std::uint64_t, std::int64_t until) { return until > t; });
    purge_pairs_at_ = std::max<std::size_t>(1 << 16, pairs_.size() * 2);
  }
  std::int64_t& until = pairs_.insert((phone << 8) | (number + 1)).first;
  const std::int64_t interval = config_.pair_interval.count();
  const std::int64_t start = std::max(until, t);
  if (start - t > interval * (config_.pair_burst - 1)) {
    ++numbers_.at(number).record.refused_pair;
    return false;
  }
  until = start + interval;
  return true;
}

bool Limits::allow_user(std::uint64_t phone, MonotonicTime now) {
  if (config_.portfolio_daily_users <= 0) return true;
  while (!user_order_.empty() && user_order_.front() <= now - kDay) user_order_.pop_front();
  const std::int64_t yesterday = (now - kDay).time_since_epoch().count();
  if (users_.size() > 2 * user_order_.size() + (1 << 16))
    users_.keep_if([&](std::uint64_t, std::int64_t at) { return at > yesterday; });
  if (const std::int64_t* at = users_.find(phone); at != nullptr && *at > yesterday) return true;
  if (static_cast<std::int64_t>(user_order_.size()) >= config_.portfolio_daily_users) {
    ++refused_users_;
    return false;
  }
  users_.insert(phone).first = now.time_since_epoch().count();
  user_order_.push_back(now);
  return true;
}

bool Limits::allow_management(MonotonicTime now) {
  forget(management_, now - kHour);
  if (static_cast<std::int64_t>(management_.size()) >= config_.management_calls_per_hour) return false;
  management_.push_back(now);
  return true;
}

}  // namespace posthorn::sandbox
