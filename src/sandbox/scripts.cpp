#include "sandbox/scripts.h"

#include <algorithm>

#include <boost/json.hpp>

#include "sandbox/json_values.h"

namespace posthorn::sandbox {
namespace js = boost::json;
namespace {

constexpr std::size_t kMostSteps = 1000, kMostNotes = 100;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::unexpected<Error> bad(std::size_t position, std::string_view what) {
  return fail(ErrorCode::invalid_argument, "step " + std::to_string(position + 1) + ": " + std::string(what),
              "steps");
}

js::array texts(const std::vector<std::string>& list) {
  js::array out;
  for (const std::string& one : list) out.push_back(js::string(one));
  return out;
}

}  // namespace

Scripts::Scripts(Clock& clock, Executor executor, Send send)
    : clock_(clock), send_(std::move(send)), wakeup_(clock, std::move(executor), [this] { wake(); }) {}

Result<Scripts::Step> Scripts::read_step(const js::value& given, std::size_t position) {
  Step step;
  if (!given.is_object()) return bad(position, "must be an object");
  const js::value* expect = member(given, "expect");
  step.waits = expect != nullptr;
  if (expect != nullptr && expect->is_string() && expect->get_string() != "any")
    step.contains = lower(expect->get_string());
  else if (expect != nullptr && expect->is_object()) {
    step.type = text_of(*expect, "type");
    step.contains = lower(text_of(*expect, "contains"));
  } else if (expect != nullptr && !expect->is_string()) {
    return bad(position, R"("expect" must be "any", a text, or {"type","contains"})");
  }
  if (const js::value* send = member(given, "send")) step.send = *send;
  if (step.send.is_string()) step.send = js::object{{"type", "text"}, {"text", step.send.get_string()}};
  if (!step.send.is_object() && !step.send.is_null())
    return bad(position, "\"send\" must be a message or a text");
  if (!step.waits && step.send.is_null()) return bad(position, "needs \"expect\" or \"send\"");
  step.after = millis_of(given, "after_ms", Duration::zero());
  return step;
}

Result<> Scripts::begin(const std::string& person, const js::value& given) {
  const js::value* steps = member(given, "steps");
  if (steps == nullptr || !steps->is_array() || steps->get_array().empty() ||
      steps->get_array().size() > kMostSteps)
    return fail(ErrorCode::invalid_argument, "\"steps\" must be an array of 1 to 1000 steps", "steps");
  Script script;
  for (const js::value& one : steps->get_array()) {
    PH_TRY_ASSIGN(Step step, read_step(one, script.steps.size()));
    script.steps.push_back(std::move(step));
  }
  Script& stored = scripts_.insert_or_assign(person, std::move(script)).first->second;
  advance(person, stored, Duration::zero());
  return {};
}

bool Scripts::meets(const Step& step, std::string_view type, std::string_view text) {
  return (step.type.empty() || step.type == type) &&
         (step.contains.empty() || lower(text).find(step.contains) != std::string::npos);
}

// Sends what does not wait, until a step does. Delays add up, so that the order stays that of the script.
void Scripts::advance(const std::string& person, Script& script, Duration after) {
  while (script.next < script.steps.size() && !script.steps[script.next].waits) {
    const Step& step = script.steps[script.next++];
    after += step.after;
    send_later(person, step.send, after);
  }
}

void Scripts::received(const std::string& person, std::string_view type, std::string_view text) {
  const auto it = scripts_.find(person);
  if (it == scripts_.end()) return;
  Script& script = it->second;
  if (script.next >= script.steps.size() || !meets(script.steps[script.next], type, text)) {
    if (script.unexpected.size() < kMostNotes)
      script.unexpected.push_back(std::string(type) + ": " + std::string(text));
    return;
  }
  const Step& step = script.steps[script.next++];
  if (!step.send.is_null()) send_later(person, step.send, step.after);
  advance(person, script, step.after);
}

void Scripts::send_later(const std::string& person, js::value message, Duration after) {
  calendar_.push(clock_.now() + after, Due{person, std::move(message)});
  wakeup_.arm(calendar_.next());
}

void Scripts::wake() {
  const MonotonicTime now = clock_.now();
  for (auto due = calendar_.pop_due(now); !due.empty(); due = calendar_.pop_due(now))
    for (const Due& one : due) {
      const auto sent = send_(one.person, one.message);
      const auto it = scripts_.find(one.person);
      if (!sent && it != scripts_.end() && it->second.errors.size() < kMostNotes)
        it->second.errors.push_back(sent.error().message);
    }
  if (!calendar_.empty()) wakeup_.arm(calendar_.next());
}

js::value Scripts::report() const {
  js::array list;
  for (const auto& [person, script] : scripts_) {
    js::object one{{"person", person},
                   {"step", script.next},
                   {"steps", script.steps.size()},
                   {"done", script.next >= script.steps.size()}};
    one["unexpected"] = texts(script.unexpected);
    one["errors"] = texts(script.errors);
    list.push_back(std::move(one));
  }
  js::object out;
  out["scripts"] = std::move(list);
  return out;
}

void Scripts::clear() {
  scripts_.clear();
  calendar_.clear();
}

}  // namespace posthorn::sandbox
