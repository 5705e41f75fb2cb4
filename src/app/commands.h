// The commands that talk to a running server. Each returns an exit code, or an error that becomes one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/client.h"
#include "platform/async.h"

namespace posthorn {

struct CommandContext {
  Client* client = nullptr;
  bool json = false;
};

struct CreateBroadcast {
  std::string file;            // uploaded first; or …
  std::int64_t upload_id = 0;  // … an upload that is there already
  std::string name, account, template_name, language, phone_column, region, policy;
  std::vector<std::string> columns;    // "body.1=first name"
  std::vector<std::string> constants;  // "body.2=20 %"
  std::vector<std::string> fallbacks;  // "body.1=there"
  bool local_time = false;
};

struct StartBroadcast {
  std::int64_t id = 0;
  std::string at;
  bool acknowledge_warnings = false;
  bool watch = false;
};

struct TailOptions {
  std::string kinds;       // "message.*,call.updated"; empty: all
  std::string after;       // id of an event; empty: from now on
  std::int64_t count = 0;  // events to show before the end; 0: no end
};

// A range of the journal, or what was parked.
struct ReplayOptions {
  std::string from, to, since, until;  // ids of bodies; times
  std::string parked;                  // "all" or an id
};

Task<Result<int>> create_broadcast(CommandContext c, CreateBroadcast options);
// The rejected and duplicate rows go into `problems_file` unless it is empty.
Task<Result<int>> preflight_broadcast(CommandContext c, std::int64_t id, std::string problems_file = {});
// Messages as the recipients on these lines of the file would see them; the first `count` when no lines are
// given.
Task<Result<int>> preview_broadcast(CommandContext c, std::int64_t id, std::vector<std::int64_t> lines,
                                    std::int64_t count);
Task<Result<int>> test_broadcast(CommandContext c, std::int64_t id, std::string to, std::int64_t line);
Task<Result<int>> start_broadcast(CommandContext c, StartBroadcast options);
Task<Result<int>> change_broadcast(CommandContext c, std::string action,
                                   std::int64_t id);  // pause, resume, cancel
// Until it has ended: kExitOk if every recipient was accepted, kExitUnaccepted otherwise.
Task<Result<int>> watch_broadcast(CommandContext c, std::int64_t id);
Task<Result<int>> report_broadcast(CommandContext c, std::int64_t id);
Task<Result<int>> export_broadcast(CommandContext c, std::int64_t id, bool problems, std::string output);

Task<Result<int>> upload_file(CommandContext c, std::string file);
// One kind of account: a WhatsApp number (at Meta, or linked to AWS), an Instagram account, or a Page.
struct AddChannel {
  std::string name;
  std::string business_id, phone_number_id;  // WhatsApp
  std::string aws_number_id;                 // the number is linked to AWS: no token
  std::string instagram_id, page_id;
  bool instagram_login = false;
};
Task<Result<int>> add_channel(CommandContext c, AddChannel options);
Task<Result<int>> set_channel_token(CommandContext c, std::string account);
Task<Result<int>> check_channel(CommandContext c, std::string account);
Task<Result<int>> run_doctor(CommandContext c);
Task<Result<int>> tail_events(CommandContext c, TailOptions options);
Task<Result<int>> replay(CommandContext c, ReplayOptions options);
Task<Result<int>> create_key(CommandContext c, std::string name, std::string role);
Task<Result<int>> login_link(CommandContext c, std::string role, std::string next);

// Lists and single things by the action that gives them.
Task<Result<int>> show_list(CommandContext c, std::string action, json::object parameters);
Task<Result<int>> show_one(CommandContext c, std::string action, json::object parameters);
// Any action: words are "parameter=value"; "@file" as a value reads the file.
Task<Result<int>> run_action(CommandContext c, std::string action, std::vector<std::string> words);

// "parameter=value" words by the action's declaration: numbers, true and false, JSON for objects and lists.
Result<json::object> parameters_from_words(std::string_view action, const std::vector<std::string>& words);

}  // namespace posthorn
