#include "app/cli.h"

#include <span>
#include <string_view>
#include <tuple>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "actions/describe.h"
#include "app/config_text.h"
#include "app/exit_codes.h"
#include "app/output.h"
#include "app/run.h"
#include "app/server.h"

namespace posthorn {
namespace {

// What the arguments chose: one thing to run, set by the subcommand's callback.
using Choice = std::function<int()>;
using ClientCommand = std::function<Task<Result<int>>(CommandContext)>;

// Everything that options are parsed into; lives until the command has run.
struct Arguments {
  AddChannel channel;
  Choice choice;
  ClientOptions client;
  ServeOptions serve;
  DemoOptions demo;
  SandboxOptions sandbox;
  RestoreOptions restore;
  CreateBroadcast create;
  StartBroadcast start;
  TailOptions tail;
  ReplayOptions replay;
  std::vector<std::string> settings, words;
  std::string name, language = "en_US", account, role = "viewer", next = "/", to, output, action, file;
  std::int64_t id = 0, line = 0;
  std::int64_t count = 3;
  std::vector<std::int64_t> lines;
  bool problems = false, markdown = false, openapi = false;
  bool json = false;  // somewhere on the command line
};

// Asked before the arguments are understood: what cannot be understood is told in the same form.
bool wants_json(int argc, const char* const* argv) {
  const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
  for (const std::string_view word : words) {
    if (word == "--") return false;
    if (word == "--json") return true;
  }
  return false;
}

int usage_error(const std::string& message, bool as_json) {
  print_error(Error{ErrorCode::invalid_argument, message + "; see --help"}, as_json);
  return kExitUsage;
}

// "--http.port 9090" and "--http.port=9090" among the words that no option took.
Result<> take_settings(const std::vector<std::string>& words, ServeOptions& serve) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--") continue;
    if (word == "--sandbox") {
      serve.sandbox = true;
      continue;
    }
    if (!word.starts_with("--"))
      return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not understood", word));
    const auto equals = word.find('=');
    const auto key = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (equals == std::string::npos && i + 1 == words.size())
      return fail(ErrorCode::invalid_argument, fmt::format("{} wants a value", word));
    serve.overrides.emplace_back(key, equals == std::string::npos ? words[++i] : word.substr(equals + 1));
  }
  return {};
}

Result<> take_set_options(const std::vector<std::string>& settings, ServeOptions& serve) {
  for (const auto& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos)
      return fail(ErrorCode::invalid_argument, fmt::format("--set wants KEY=VALUE, not '{}'", setting));
    serve.overrides.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return {};
}

// A subcommand that talks to the server.
CLI::App* add_client(CLI::App& parent, Arguments& a, const char* name, const char* help,
                     ClientCommand command) {
  auto* sub = parent.add_subcommand(name, help);
  sub->add_option("--server", a.client.server,
                  "address of the server (POSTHORN_SERVER; found by itself on the same machine)");
  sub->add_option("--key", a.client.key, "API key (better: POSTHORN_KEY)");
  sub->add_option("--data-dir", a.client.data_dir, "data folder of a server on this machine");
  sub->add_flag("--json", a.client.json, "answers as JSON");
  sub->callback([&a, command = std::move(command)] {
    a.choice = [&a, command] { return run_client(a.client, command); };
  });
  return sub;
}

std::string check_number(const std::string& text) {
  const bool digits =
      !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
  if (digits && text.find_first_not_of('0') != std::string::npos) return {};
  return fmt::format("'{}' is not a number from 1 on; `posthorn broadcast list` shows them", text);
}

void add_id(CLI::App* sub, std::int64_t& id) {
  sub->add_option("id", id, "number of the broadcast")->required()->check(check_number);
}

// A subcommand that needs configuration, not a server.
CLI::App* add_local(CLI::App& parent, Arguments& a, const char* name, const char* help,
                    std::function<int()> run) {
  auto* sub = parent.add_subcommand(name, help);
  sub->add_option("--config", a.serve.config_file, "configuration file");
  sub->add_option("--set", a.settings, "KEY=VALUE, over file and environment; may be repeated");
  sub->allow_extras();
  sub->callback([&a, sub, run = std::move(run)] {
    a.words = sub->remaining();
    a.choice = [&a, run] {
      auto taken = take_set_options(a.settings, a.serve);
      if (taken) taken = take_settings(a.words, a.serve);
      return taken ? run() : usage_error(taken.error().message, a.json);
    };
  });
  return sub;
}

int show_config(const ServeOptions& options) {
  const auto config = load_config(options.config_file, options.overrides);
  if (!config) {
    print_error(config.error(), false);
    return kExitRefused;
  }
  print(config_text(*config));
  return kExitOk;
}

int print_documents(const Arguments& a) {
  const auto registry = make_registry();
  if (a.openapi) {
    print(pretty_json(openapi_document(registry, version())));
  } else if (a.markdown) {
    print(actions_markdown(registry));
  } else {
    for (const auto& action : registry.actions())
      print(fmt::format("{:<28} {}\n", action.name, action.summary));
  }
  return kExitOk;
}

void add_servers(CLI::App& app, Arguments& a) {
  auto* serve = add_local(app, a, "serve", "Run the server", [&a] { return run_serve(a.serve); });
  serve->add_flag("--sandbox", a.serve.sandbox, "simulate Meta in this process");
  auto* demo = add_local(app, a, "demo", "Broadcast the bundled sample through the sandbox", [&a] {
    a.demo.serve = a.serve;
    return run_demo(a.demo);
  });
  demo->add_flag("--once", a.demo.once,
                 "exit after the report: 0 only if every recipient was accepted exactly once");
  demo->add_option("--recipients", a.demo.recipients, "how many")->check(CLI::Range(1, 5'000'000));
  auto* sandbox = app.add_subcommand("sandbox", "Run a simulated Meta on a port of its own");
  sandbox->add_option("--address", a.sandbox.address, "address to listen on");
  sandbox->add_option("--port", a.sandbox.port, "port; 0: any");
  sandbox->add_option("--config", a.sandbox.config_file, "JSON with what differs from the defaults");
  sandbox->add_option("--callback", a.sandbox.callback_url, "where webhooks go");
  sandbox->callback([&a] { a.choice = [&a] { return run_sandbox(a.sandbox); }; });
  auto* config = app.add_subcommand("config", "Settings");
  config->require_subcommand(1);
  add_local(*config, a, "show", "The settings in force, secrets left out",
            [&a] { return show_config(a.serve); });
  config->add_subcommand("reference", "Every setting with its meaning")->callback([&a] {
    a.choice = [] {
      print(config_reference_markdown());
      return static_cast<int>(kExitOk);
    };
  });
  app.add_subcommand("version", "Version of this program")->callback([&a] {
    a.choice = [] {
      print(fmt::format("posthorn {}\n", version()));
      return static_cast<int>(kExitOk);
    };
  });
}

void add_draft_options(CLI::App* create, Arguments& a) {
  auto& options = a.create;
  auto* file = create->add_option("--file", options.file, "recipient file to upload");
  create->add_option("--upload", options.upload_id, "an upload that is there already")->excludes(file);
  create->add_option("--template", options.template_name, "template")->required();
  create->add_option("--language", options.language, "language of the template (en_US)");
  create->add_option("--name", options.name, "what you call the broadcast");
  create->add_option("--account", options.account, "sending number");
  create->add_option("--column", options.columns, "VARIABLE=COLUMN, such as body.1=name; may be repeated");
  create->add_option("--constant", options.constants, "VARIABLE=VALUE for all");
  create->add_option("--fallback", options.fallbacks, "VARIABLE=VALUE where the cell is empty");
  create->add_option("--phone-column", options.phone_column, "column with the numbers");
  create->add_option("--region", options.region, "country of numbers without country code, such as DE");
  create->add_option("--policy", options.policy, "at_most_once or at_least_once");
  create->add_flag("--local-time", options.local_time, "keep quiet hours of each recipient's country");
}

void add_broadcasts(CLI::App& app, Arguments& a) {
  auto* group = app.add_subcommand("broadcast", "Broadcasts");
  group->require_subcommand(1);
  add_draft_options(add_client(*group, a, "create", "Upload recipients and make a draft",
                               [&a](CommandContext c) { return create_broadcast(c, a.create); }),
                    a);
  auto* preflight = add_client(*group, a, "preflight", "Check every row and say what will happen",
                               [&a](CommandContext c) { return preflight_broadcast(c, a.id, a.output); });
  add_id(preflight, a.id);
  preflight->add_option("--problems", a.output, "write the rejected and duplicate rows to this CSV file");
  auto* preview = add_client(*group, a, "preview", "Messages as recipients will see them",
                             [&a](CommandContext c) { return preview_broadcast(c, a.id, a.lines, a.count); });
  add_id(preview, a.id);
  auto* lines = preview->add_option("--lines", a.lines, "which lines of the file, such as 2,17")
                    ->delimiter(',')
                    ->check(CLI::Range(1, 1'000'000'000));
  preview->add_option("--count", a.count, "how many from the first line on")
      ->excludes(lines)
      ->check(CLI::Range(1, 50));
  auto* test = add_client(*group, a, "test", "Send one row's message to yourself",
                          [&a](CommandContext c) { return test_broadcast(c, a.id, a.to, a.line); });
  add_id(test, a.id);
  test->add_option("--to", a.to, "your number")->required();
  test->add_option("--line", a.line, "whose values: line of the file");
  auto* start = add_client(*group, a, "start", "Start now or at a time", [&a](CommandContext c) {
    a.start.id = a.id;
    return start_broadcast(c, a.start);
  });
  add_id(start, a.id);
  start->add_option("--at", a.start.at, "when, such as 2026-03-29T09:00:00+02:00");
  start->add_flag("--acknowledge-warnings", a.start.acknowledge_warnings, "start although pre-flight warned");
  start->add_flag("--watch", a.start.watch, "show progress until the end");
  constexpr std::pair<const char*, const char*> kChanges[] = {
      {"pause", "Pause; what is on its way is finished"}, {"resume", "Go on"}, {"cancel", "End for good"}};
  for (const auto& [verb, help] : kChanges) {
    const auto action = std::string(verb) + "_broadcast";
    add_id(add_client(*group, a, verb, help,
                      [&a, action](CommandContext c) { return change_broadcast(c, action, a.id); }),
           a.id);
  }
  add_id(add_client(*group, a, "watch", "Progress until the end",
                    [&a](CommandContext c) { return watch_broadcast(c, a.id); }),
         a.id);
  add_id(add_client(*group, a, "report", "Totals, and errors with what to do",
                    [&a](CommandContext c) { return report_broadcast(c, a.id); }),
         a.id);
  auto* csv = add_client(*group, a, "export", "Every recipient as CSV",
                         [&a](CommandContext c) { return export_broadcast(c, a.id, a.problems, a.output); });
  add_id(csv, a.id);
  csv->add_flag("--problems", a.problems, "the rejected and duplicate rows instead");
  csv->add_option("-o,--output", a.output, "file; standard output when left out");
  add_client(*group, a, "list", "Broadcasts, newest first",
             [](CommandContext c) { return show_list(c, "list_broadcasts", json::object()); });
}

json::object chosen_account(const Arguments& a) {
  json::object out;
  if (!a.account.empty()) out["account"] = a.account;
  return out;
}

json::object chosen_template(const Arguments& a) {
  auto out = chosen_account(a);
  out["name"] = a.name;
  out["language"] = a.language;
  return out;
}

json::object chosen_name(const Arguments& a) {
  json::object out;
  out["name"] = a.name;
  return out;
}

void add_templates(CLI::App& app, Arguments& a) {
  auto* group = app.add_subcommand("template", "Message templates");
  group->require_subcommand(1);
  const auto account = [&a](CLI::App* sub) {
    return sub->add_option("--account", a.account, "sending number");
  };
  account(add_client(*group, a, "list", "Templates as last read",
                     [&a](CommandContext c) { return show_list(c, "list_templates", chosen_account(a)); }));
  account(add_client(*group, a, "sync", "Read all templates from Meta",
                     [&a](CommandContext c) { return show_one(c, "sync_templates", chosen_account(a)); }));
  auto* show = add_client(*group, a, "show", "One template and its variables",
                          [&a](CommandContext c) { return show_one(c, "get_template", chosen_template(a)); });
  account(show);
  show->add_option("name", a.name, "name of the template")->required();
  show->add_option("--language", a.language, "its language");
}

void add_channels(CLI::App& app, Arguments& a) {
  auto* group = app.add_subcommand("channel", "Sending numbers");
  group->require_subcommand(1);
  auto* add = add_client(
      *group, a, "add",
      "Add a WhatsApp number, an Instagram account or a Page; the token comes from standard input or "
      "POSTHORN_TOKEN",
      [&a](CommandContext c) { return add_channel(c, a.channel); });
  add->add_option("name", a.channel.name, "what you call it")->required();
  add->add_option("--phone-number-id", a.channel.phone_number_id, "WhatsApp: Meta's id of the number");
  add->add_option("--business-id", a.channel.business_id, "WhatsApp: id of the business account");
  add->add_option("--aws-number-id", a.channel.aws_number_id,
                  "WhatsApp: the number's id at AWS; it needs no token");
  add->add_option("--instagram-id", a.channel.instagram_id, "id of the Instagram professional account");
  add->add_flag("--instagram-login", a.channel.instagram_login, "the token is one of Instagram Login");
  add->add_option("--page-id", a.channel.page_id, "Messenger: id of the Page");
  add_client(*group, a, "list", "The numbers",
             [](CommandContext c) { return show_list(c, "list_channels", json::object()); });
  add_client(*group, a, "check", "Token, permissions, webhooks, quality", [&a](CommandContext c) {
    return check_channel(c, a.account);
  })->add_option("account", a.account, "sending number");
  add_client(*group, a, "token", "Replace the token (from standard input or POSTHORN_TOKEN)",
             [&a](CommandContext c) { return set_channel_token(c, a.account); })
      ->add_option("account", a.account, "sending number")
      ->required();
}

void add_keys(CLI::App& app, Arguments& a) {
  auto* group = app.add_subcommand("key", "API keys");
  group->require_subcommand(1);
  auto* create = add_client(*group, a, "create", "Make a key; it is shown once",
                            [&a](CommandContext c) { return create_key(c, a.name, a.role); });
  create->add_option("name", a.name, "who uses it")->required();
  create->add_option("--role", a.role, "viewer, agent, marketer or admin");
  add_client(*group, a, "list", "Keys with role and last use",
             [](CommandContext c) { return show_list(c, "list_keys", json::object()); });
  add_client(*group, a, "revoke", "End a key at once",
             [&a](CommandContext c) { return show_one(c, "revoke_key", chosen_name(a)); })
      ->add_option("name", a.name, "which")
      ->required();
  auto* link = add_client(*group, a, "link", "Make a link that opens the web page once",
                          [&a](CommandContext c) { return login_link(c, a.role, a.next); });
  link->add_option("--role", a.role, "viewer, agent, marketer or admin");
  link->add_option("--next", a.next, "page to open, such as /broadcasts/7");
}

void add_events(CLI::App& app, Arguments& a) {
  auto* tail = add_client(app, a, "tail", "Watch what happens, live",
                          [&a](CommandContext c) { return tail_events(c, a.tail); });
  tail->add_option("--kinds", a.tail.kinds, "only these, such as message.*,call.updated");
  tail->add_option("--after", a.tail.after, "begin after this event; 0: with the oldest kept")
      ->check(CLI::NonNegativeNumber);
  tail->add_option("--count", a.tail.count, "end after so many events")->check(CLI::NonNegativeNumber);
  auto* replay_command =
      add_client(app, a, "replay", "Apply what came in once more; what was applied changes nothing",
                 [&a](CommandContext c) { return replay(c, a.replay); });
  auto* parked =
      replay_command->add_option("--parked", a.replay.parked, "what could not be applied: an id, or all")
          ->expected(0, 1)
          ->default_str("all");
  for (const auto& [name, value, help] :
       {std::tuple{"--from", &a.replay.from, "first body of the journal"},
        std::tuple{"--to", &a.replay.to, "last body"},
        std::tuple{"--since", &a.replay.since, "received from this time on, 2026-03-29T09:00:00Z"},
        std::tuple{"--until", &a.replay.until, "received up to this time"}})
    replay_command->add_option(name, *value, help)->excludes(parked);
}

void add_others(CLI::App& app, Arguments& a) {
  add_client(app, a, "doctor", "Check everything that could stop sending",
             [](CommandContext c) { return run_doctor(c); });
  add_client(app, a, "upload", "Upload a recipient file",
             [&a](CommandContext c) { return upload_file(c, a.file); })
      ->add_option("file", a.file, "CSV file")
      ->required();
  add_client(app, a, "backup", "Write a backup while the server works", [&a](CommandContext c) {
    return show_one(c, "create_backup", chosen_name(a));
  })->add_option("name", a.name, "folder under <data folder>/backups; the time when left out");
  auto* restore =
      add_local(app, a, "restore", "Check a backup, or restore it into an empty data folder", [&a] {
        a.restore.serve = a.serve;
        return run_restore(a.restore);
      });
  restore->add_option("backup", a.restore.backup, "folder of the backup")->required();
  restore->add_flag("--verify", a.restore.verify_only, "only check that it can be used");
  auto* key =
      restore->add_option("--master-key", a.restore.master_key,
                          "master.key of the server that was backed up, if it is not in the data folder");
  restore
      ->add_flag("--without-secrets", a.restore.without_secrets,
                 "the master key is lost: restore all but tokens and webhook secrets")
      ->excludes(key);
  restore->add_flag("--json", a.restore.json, "answer as JSON");
  auto* action = add_client(app, a, "action", "Call any action: posthorn action NAME parameter=value …",
                            [&a](CommandContext c) { return run_action(c, a.action, a.words); });
  action->add_option("name", a.action, "name of the action")->required();
  action->add_option("parameters", a.words, "parameter=value; @file reads a file");
  auto* actions = app.add_subcommand("actions", "All actions");
  auto* markdown = actions->add_flag("--markdown", a.markdown, "as docs/actions.md");
  actions->add_flag("--openapi", a.openapi, "as an OpenAPI 3.1 document")->excludes(markdown);
  actions->callback([&a] { a.choice = [&a] { return print_documents(a); }; });
}

}  // namespace

int run_command_line(int argc, char** argv) {
  Arguments arguments;
  arguments.json = wants_json(argc, argv);
  CLI::App app{"Posthorn: customer messaging on your own server", "posthorn"};
  app.require_subcommand(1);
  add_servers(app, arguments);
  add_broadcasts(app, arguments);
  add_templates(app, arguments);
  add_channels(app, arguments);
  add_keys(app, arguments);
  add_events(app, arguments);
  add_others(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool failed = error.get_exit_code() != 0;  // asking for help is no failure
    if (failed && arguments.json) return usage_error(error.what(), true);
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return arguments.choice ? arguments.choice() : static_cast<int>(kExitUsage);
}

}  // namespace posthorn
