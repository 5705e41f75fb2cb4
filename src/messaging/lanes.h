// What is ready to leave on one number, in three lanes: a reply or a one-time code never waits behind an API
// send, nor that behind a broadcast; broadcasts on one number take turns. A pure container.
#pragma once
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/ids.h"

namespace posthorn {

enum class Lane : std::uint8_t {
  reply = 0,
  api = 1,
  broadcast = 2
};  // values are stored in single_sends.lane

template <class Item>
class Lanes {
 public:
  void push(Lane lane, CampaignId campaign, Item item) {
    ++size_;
    if (lane != Lane::broadcast) {
      single_[static_cast<std::size_t>(lane)].push_back(std::move(item));
    } else {
      broadcasts_[campaign].push_back(std::move(item));
    }
  }

  // Goes ahead of what waits in its lane; single sends only.
  void push_front(Lane lane, Item item) {
    ++size_;
    single_[static_cast<std::size_t>(lane)].push_front(std::move(item));
  }

  // The next in line, or nothing.
  std::optional<Item> pop() {
    for (auto& lane : single_) {
      if (!lane.empty()) return take(lane);
    }
    if (broadcasts_.empty()) return std::nullopt;
    auto turn = broadcasts_.upper_bound(last_);
    if (turn == broadcasts_.end()) turn = broadcasts_.begin();
    last_ = turn->first;
    std::optional<Item> item = take(turn->second);
    if (turn->second.empty()) broadcasts_.erase(turn);
    return item;
  }

  // The last in line, or nothing: what gives way first.
  std::optional<Item> pop_last() {
    if (!broadcasts_.empty()) {
      auto turn = std::prev(broadcasts_.end());
      std::optional<Item> item = take_last(turn->second);
      if (turn->second.empty()) broadcasts_.erase(turn);
      return item;
    }
    for (std::size_t lane = std::size(single_); lane-- > 0;) {
      if (!single_[lane].empty()) return take_last(single_[lane]);
    }
    return std::nullopt;
  }

  // Takes out everything of one campaign (paused, cancelled), in order.
  std::vector<Item> drain(CampaignId campaign) {
    std::vector<Item> out;
    auto found = broadcasts_.find(campaign);
    if (found == broadcasts_.end()) return out;
    move_all(found->second, out);
    broadcasts_.erase(found);
    return out;
  }
  std::vector<Item> drain_all() {
    std::vector<Item> out;
    for (auto& lane : single_) move_all(lane, out);
    for (auto& [campaign, queue] : broadcasts_) move_all(queue, out);
    broadcasts_.clear();
    return out;
  }

  std::size_t size() const { return size_; }
  std::size_t singles() const { return single_[0].size() + single_[1].size(); }
  bool empty() const { return size_ == 0; }

 private:
  std::optional<Item> take(std::deque<Item>& queue) {
    std::optional<Item> item(std::move(queue.front()));
    queue.pop_front();
    --size_;
    return item;
  }
  std::optional<Item> take_last(std::deque<Item>& queue) {
    std::optional<Item> item(std::move(queue.back()));
    queue.pop_back();
    --size_;
    return item;
  }
  void move_all(std::deque<Item>& queue, std::vector<Item>& out) {
    size_ -= queue.size();
    for (Item& item : queue) out.push_back(std::move(item));
    queue.clear();
  }

  std::deque<Item> single_[2];
  std::map<CampaignId, std::deque<Item>> broadcasts_;
  CampaignId last_;
  std::size_t size_ = 0;
};

}  // namespace posthorn
