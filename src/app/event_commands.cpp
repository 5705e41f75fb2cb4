// `posthorn tail` and `posthorn replay`.
#include <charconv>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/event_lines.h"
#include "app/exit_codes.h"
#include "app/output.h"
#include "core/json_text.h"

namespace posthorn {
namespace {

constexpr Duration kPause = std::chrono::seconds(2);  // before connecting again

void print_gap(const CommandContext& c, const std::string& data) {
  if (c.json) return print(fmt::format("{{\"gap\":{}}}\n", data));
  const auto parsed = parse_json(data);
  const auto oldest = parsed ? JsonView(*parsed)["oldest"].integer_or(0) : 0;
  print(fmt::format("-- events before {} are not kept any more --\n", oldest));
}

void print_event(const CommandContext& c, const StreamedEvent& event) {
  if (event.data.empty()) return;
  if (event.name == "gap") return print_gap(c, event.data);
  if (c.json) return print(event.data + "\n");
  const auto parsed = parse_json(event.data);
  print(parsed ? event_line(*parsed) : event.data + "\n");
}

// `resume`: a position is known, be it 0.
std::string stream_target(const TailOptions& options, const std::string& last_id, bool full, bool resume) {
  std::string target = "/events?kinds=" + percent_encode(options.kinds);
  if (full) target += "&full=1";
  if (resume || !options.after.empty()) target += "&after=" + percent_encode(last_id);
  return target;
}

Result<std::int64_t> number_from(const std::string& text, const char* field) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error == std::errc() && end == text.data() + text.size() && n > 0) return n;
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no id; ids are whole numbers from 1 on", text), field);
}

void print_counts(const CommandContext& c, const json::value& answer) {
  print(c.json ? json_text(answer) + "\n" : fields(answer.as_object()));
}

Task<Result<int>> replay_parked(CommandContext c, ReplayOptions options) {
  json::object parameters;
  if (options.parked != "all") {
    PH_CO_TRY_ASSIGN(const auto id, number_from(options.parked, "parked"));
    json::array ids;
    ids.emplace_back(id);
    parameters["ids"] = std::move(ids);
  }
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call("replay_parked_events", std::move(parameters)));
  print_counts(c, answer);
  co_return JsonView(answer)["parked_again"].integer_or(0) == 0 ? kExitOk : kExitUnhealthy;
}

}  // namespace

// Until the server refuses or the user has enough. A stream that breaks off is taken up where it ended.
Task<Result<int>> tail_events(CommandContext c, TailOptions options) {
  EventStreamParser parser(options.after.empty() ? "0" : options.after);
  bool full = true, connected = false;
  while (true) {
    EventStreamParser stream(parser.last_id());
    Client::Sink sink = [&c, &stream, &connected, &options](std::string_view bytes) -> Result<> {
      connected = true;
      for (const auto& event : stream.feed(bytes)) {
        print_event(c, event);
        if (!event.data.empty() && event.name != "gap" && options.count > 0 && --options.count == 0)
          return fail(ErrorCode::cancelled, "enough");
      }
      return {};
    };
    auto target = stream_target(options, parser.last_id(), full, connected);
    const auto ended = co_await c.client->download(std::move(target), std::move(sink));
    parser = EventStreamParser(stream.last_id());
    if (!ended && ended.error().code == ErrorCode::cancelled) co_return kExitOk;
    if (!ended && ended.error().field == "full") {
      full = false;  // a key that may not read messages sees the events without them
      continue;
    }
    const bool broken = ended || ended.error().code == ErrorCode::unavailable;
    if (!broken || !connected) co_return std::unexpected(ended.error());
    co_await c.client->clock().sleep_for(kPause);
  }
}

Task<Result<int>> replay(CommandContext c, ReplayOptions options) {
  if (!options.parked.empty()) co_return co_await replay_parked(c, std::move(options));
  json::object parameters;
  if (!options.from.empty()) {
    PH_CO_TRY_ASSIGN(parameters["from_id"], number_from(options.from, "from"));
  }
  if (!options.to.empty()) {
    PH_CO_TRY_ASSIGN(parameters["to_id"], number_from(options.to, "to"));
  }
  if (!options.since.empty()) parameters["since"] = options.since;
  if (!options.until.empty()) parameters["until"] = options.until;
  PH_CO_TRY_ASSIGN(const auto answer, co_await c.client->call("replay_journal", std::move(parameters)));
  print_counts(c, answer);
  co_return kExitOk;
}

}  // namespace posthorn
