// People as a simulated crowd: humans with numbers that change hands, messages with all or some of their
// addresses, messages and changes told late, twice or by the number alone. Whatever the order, no human is
// two people and no two humans are one. Two things are asked of the channel: a change told by the number
// alone does not overtake an earlier change, and it does not name a number that the channel has kept hidden.
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>

#include "messaging/people_cache.h"
#include "people_fixture.h"

namespace posthorn::test {
namespace {

constexpr int kHumans = 5;
constexpr int kSteps = 60;
constexpr int kSeeds = 400;

struct Human {
  std::vector<std::string> user_ids;  // the last one counts
  std::string phone;
  std::string past_phone;
  int moved = 0;        // when the number was changed last
  bool hidden = false;  // the channel did not tell the number then
  bool told_by_number_only =
      false;  // of changes told without user ids nothing more can be asked than that nobody is mixed up
};

struct Pending {
  IdentityEvent event;
  int due = 0;
};

class CrowdTest : public PeopleTest {
 protected:
  void run(unsigned seed) {
    random_.seed(seed);
    trace_ = fmt::format("seed {}:", seed);
    const std::string portfolio = fmt::format("crowd{}", seed);
    first_ = add(account(portfolio, fmt::format("a{}", seed)));
    second_ = add(account(portfolio, fmt::format("b{}", seed)));
    elsewhere_ = add(account(portfolio + "x", fmt::format("c{}", seed)));
    humans_.clear();
    pending_.clear();
    free_.clear();
    for (int i = 0; i < kHumans; ++i) humans_.push_back({{new_user_id()}, new_phone(), "", 0, false, false});
    for (now_ = 1; now_ <= kSteps; ++now_) step();
    settle();
    check();
  }

 private:
  static NewAccount account(std::string portfolio, std::string name) {
    return {.name = name,
            .business_id = name,
            .sender_id = name,
            .sealed_token = "t",
            .portfolio = std::move(portfolio)};
  }
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  Human& somebody() { return humans_[static_cast<std::size_t>(pick(kHumans))]; }
  std::string new_user_id() { return fmt::format("DE.{}", ++made_); }
  std::string new_phone() { return fmt::format("4917{:08}", ++made_); }
  const Account& anywhere() { return pick(2) == 0 ? first_ : second_; }

  void say(const Account& to, std::vector<Address> addresses, WallTime at = {}) {
    trace_ += fmt::format(" {}@{}(", now_, to.name);
    for (const auto& a : addresses) trace_ += a.value + ",";
    trace_ += ")";
    const Party who = party(std::move(addresses), fmt::format("Name {}", pick(2)));
    ASSERT_TRUE(cache_.begin(tx()));
    const auto remembered = cache_.person(to.id, who);
    const auto resolved = people::resolve(tx(), to, who, second(now_), at);
    ASSERT_TRUE(resolved) << trace_;
    // What is remembered is what the tables say, and would have changed nothing.
    EXPECT_TRUE(!remembered || (*remembered == resolved->id && !resolved->changed)) << trace_;
    hits_ += remembered ? 1 : 0;
    if (resolved->moved || !resolved->merged.empty()) cache_.forget();
    if (resolved->holds_all) cache_.remember(to.id, who, resolved->id);
    const auto transaction = cache_.end(tx());
    ASSERT_TRUE(transaction);
    cache_.confirm(*transaction);
  }

  void step() {
    deliver();
    Human& h = somebody();
    switch (pick(9)) {
      case 0:
      case 1:
        return say(anywhere(), {bsuid(h.user_ids.back()), phone(h.phone)});
      case 2:
        return say(anywhere(), {bsuid(h.user_ids.back())});
      case 3:
        return say(anywhere(), {phone(h.phone)});
      case 4:
        return say(elsewhere_, {bsuid("X" + h.user_ids.front()), phone(h.phone)});
      case 5:  // a message that was long on its way
        if (h.user_ids.size() > 1)
          say(anywhere(), {bsuid(h.user_ids[h.user_ids.size() - 2]), phone(h.past_phone)},
              second(h.moved) - std::chrono::milliseconds(500));
        return;
      case 6:
        return say(anywhere(), {phone(h.phone), bsuid(h.user_ids.back())});
      default:
        return move(h);
    }
  }

  // A new number, perhaps one that somebody else gave up.
  void move(Human& h) {
    Pending p;
    p.event.reason = "user_changed_number";
    p.event.at = second(now_);
    const bool by_number = !h.hidden && pick(6) == 0;
    if (!by_number) p.event.previous.push_back(bsuid(h.user_ids.back()));
    if (by_number || pick(2) == 0) p.event.previous.push_back(phone(h.phone));
    h.told_by_number_only = h.told_by_number_only || by_number;
    h.past_phone = h.phone;
    h.moved = now_;
    h.user_ids.push_back(new_user_id());
    if (!free_.empty() && pick(2) == 0) {
      h.phone = free_.back();
      free_.pop_back();
    } else {
      h.phone = new_phone();
    }
    free_.push_back(h.past_phone);
    p.event.person.addresses = {bsuid(h.user_ids.back())};
    const bool hidden = !by_number && pick(3) == 0;
    h.hidden = hidden;
    if (hidden) p.event.reason = "user_changed_user_id";
    if (!hidden) p.event.person.addresses.push_back(phone(h.phone));
    p.due = now_ + pick(15);
    for (const Pending& earlier : pending_) {
      if (by_number) p.due = std::max(p.due, earlier.due);
    }
    trace_ += fmt::format(" {}:", now_);
    for (const auto& a : p.event.previous) trace_ += a.value + ",";
    for (const auto& a : p.event.person.addresses) trace_ += "→" + a.value;
    pending_.push_back(p);
    if (pick(4) == 0) pending_.push_back({p.event, p.due + pick(10)});
  }

  void deliver() {
    for (std::size_t i = 0; i < pending_.size();) {
      if (pending_[i].due > now_) {
        ++i;
        continue;
      }
      const Pending p = pending_[i];
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
      trace_ += fmt::format(" {}!{}", now_, p.event.person.addresses.front().value);
      EXPECT_TRUE(people::change_identity(tx(), anywhere(), p.event, second(now_))) << trace_;
    }
  }

  void settle() {
    while (!pending_.empty()) {
      ++now_;
      deliver();
    }
    for (const Human& h : humans_) {
      ++now_;
      say(anywhere(), {bsuid(h.user_ids.back()), phone(h.phone)});
    }
  }

  std::int64_t who(const Account& at, std::vector<Address> addresses) {
    const auto found = people::find(tx(), at, addresses).value();
    return found ? found->value : 0;
  }

  void check() {
    std::map<std::int64_t, std::size_t> owners;
    for (std::size_t i = 0; i < humans_.size(); ++i) {
      const Human& h = humans_[i];
      const std::int64_t person = who(first_, {bsuid(h.user_ids.back())});
      ASSERT_NE(person, 0) << trace_;
      ASSERT_EQ(who(second_, {phone(h.phone)}), person) << "the number of human " << i << ", " << trace_;
      for (const auto& id : h.user_ids) {
        const std::int64_t of_id = who(first_, {bsuid(id)});
        if (!h.told_by_number_only && of_id != 0)
          ASSERT_EQ(of_id, person) << "split: " << id << ", " << trace_;
        if (of_id == 0) continue;
        const auto [owner, fresh] = owners.emplace(of_id, i);
        ASSERT_TRUE(fresh || owner->second == i)
            << "united: humans " << owner->second << " and " << i << ", " << trace_;
      }
      const std::int64_t there = who(elsewhere_, {bsuid("X" + h.user_ids.front())});
      ASSERT_FALSE(there != 0 && owners.contains(there)) << "another portfolio, " << trace_;
    }
    check_rows();
  }

  // What must hold of the tables at any time.
  void check_rows() {
    EXPECT_EQ(number("SELECT COUNT(*) FROM person_addresses a JOIN people p ON p.id = a.person_id WHERE "
                     "p.merged_into <> 0"),
              0)
        << trace_;
    EXPECT_EQ(number("SELECT COUNT(*) FROM person_addresses a LEFT JOIN people p ON p.id = a.person_id WHERE "
                     "p.id IS NULL"),
              0)
        << trace_;
    EXPECT_EQ(number("SELECT COUNT(*) FROM person_former_addresses WHERE valid_to < valid_from"), 0)
        << trace_;
  }

  std::mt19937 random_;
  int made_ = 0, now_ = 0;
  std::string trace_;
  Account first_, second_, elsewhere_;
  std::vector<Human> humans_;
  std::vector<Pending> pending_;
  std::vector<std::string> free_;
  PeopleCache cache_;

 protected:
  int hits_ = 0;
};

TEST_F(CrowdTest, NobodyIsSplitAndNoTwoAreUnited) {
  for (unsigned seed = 1; seed <= kSeeds && !HasFailure(); ++seed) run(seed);
  EXPECT_GT(hits_, 100);
}

}  // namespace
}  // namespace posthorn::test
