#include "app/account_runtimes.h"

#include <fmt/format.h>

#include "messaging/eum_channel.h"
#include "messaging/meta_channel.h"

namespace posthorn {

namespace {

// A number linked through AWS of which this server has no Region or keys.
class ReceiveOnlyChannel final : public SendChannel {
 public:
  void append_body(std::string& out, std::string_view payload, std::string_view) const override {
    out += payload;
  }
  Task<SendAnswer> send(std::string, int, std::function<void()>) override {
    SendAnswer answer;
    answer.kind = AnswerKind::account_stop;
    answer.reason =
        "The number is linked through AWS, and AWS is not configured: set aws.region and credentials.";
    answer.detail = answer.reason;
    co_return answer;
  }
};

}  // namespace

struct AccountRuntimes::Line {
  std::unique_ptr<whatsapp::GraphClient> graph;      // WhatsApp
  std::unique_ptr<meta_messaging::MetaClient> meta;  // Instagram, Messenger
  std::unique_ptr<SendChannel> channel;
  std::string sealed_token;                               // of the account when the line was made
  std::string login, transport, transport_id, sender_id;  // likewise
  bool serves(const Account& a) const {
    return sealed_token == a.sealed_token && login == a.login && transport == a.transport &&
           transport_id == a.transport_id && sender_id == a.sender_id;
  }
};

// A new token, login or link to AWS must not disturb what is running: the dispatcher keeps its channel, the
// channel changes its line.
class AccountRuntimes::Switch final : public SendChannel {
 public:
  void use(Line& line) { line_ = &line; }
  Line& line() { return *line_; }
  void append_body(std::string& out, std::string_view payload, std::string_view token) const override {
    line_->channel->append_body(out, payload, token);
  }
  // What stops the account is told of the line that was asked. Has it been replaced meanwhile, that says
  // nothing about the new one: the message was refused, and goes out again.
  Task<SendAnswer> send(std::string body, int attempt, std::function<void()> on_last_byte) override {
    const Line* asked = line_;
    auto answer = co_await asked->channel->send(std::move(body), attempt, std::move(on_last_byte));
    if (answer.kind != AnswerKind::account_stop) co_return answer;
    if (asked != line_) answer.kind = AnswerKind::retry;
    answer.sealed_token = asked->sealed_token;
    co_return answer;
  }

 private:
  Line* line_ = nullptr;
};

struct AccountRuntimes::Running {
  Switch channel;
  std::unique_ptr<Dispatcher> dispatcher;
  int granted = 0;
};

namespace {

DispatcherAccount sending_facts(const Account& account) {
  DispatcherAccount out;
  out.id = account.id;
  out.business_id = account.business_id;
  out.rate = account.throughput;
  out.blocked = account.blocked();
  return out;
}

}  // namespace

AccountRuntimes::AccountRuntimes(AccountRuntimesPorts ports, MetaAccess access, Secret token_key,
                                 DispatcherOptions options)
    : ports_(ports), access_(std::move(access)), token_key_(std::move(token_key)), options_(options) {}

AccountRuntimes::~AccountRuntimes() = default;

Task<Result<>> AccountRuntimes::start() {
  auto read = [](Transaction& tx) { return accounts::list(tx); };
  PH_CO_TRY_ASSIGN(const auto all, co_await ports_.database.read(std::move(read)));
  for (const auto& account : all) {
    const auto up = put_up(account);
    if (!up)
      ports_.log.error("account.not_started", {{"account", account.name}, {"reason", up.error().message}});
  }
  co_return Result<>();
}

Task<> AccountRuntimes::stop(Duration timeout) {
  for (auto& [id, running] : running_) co_await running->dispatcher->stop(timeout);
}

Dispatcher* AccountRuntimes::dispatcher(AccountId id) {
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second->dispatcher.get();
}

whatsapp::GraphClient* AccountRuntimes::client(AccountId id) {
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second->channel.line().graph.get();
}

meta_messaging::MetaClient* AccountRuntimes::meta_client(AccountId id) {
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second->channel.line().meta.get();
}

Result<AccountRuntimes::Line*> AccountRuntimes::line_of(const Account& account) {
  if (!running_.contains(account.id)) {
    PH_TRY(put_up(account));
  }
  return &running_.at(account.id)->channel.line();
}

Result<whatsapp::GraphClient*> AccountRuntimes::graph(const Account& account) {
  PH_TRY_ASSIGN(Line * line, line_of(account));
  if (line->graph) return line->graph.get();
  return fail(ErrorCode::conflict,
              fmt::format("{} is no WhatsApp number at Meta's Graph API; choose one that is", account.name),
              "account");
}

Result<meta_messaging::MetaClient*> AccountRuntimes::meta(const Account& account) {
  PH_TRY_ASSIGN(Line * line, line_of(account));
  if (line->meta) return line->meta.get();
  return fail(ErrorCode::conflict, fmt::format("{} is neither an Instagram account nor a Page", account.name),
              "account");
}

Result<std::unique_ptr<whatsapp::GraphClient>> AccountRuntimes::graph_with(Secret token) {
  return whatsapp::GraphClient::create(ports_.http, ports_.clock, access_.graph, std::move(token),
                                       access_.app_secret);
}

Result<std::unique_ptr<meta_messaging::MetaClient>> AccountRuntimes::meta_with(const Account& account,
                                                                               Secret token) {
  meta_messaging::MetaClientConfig config;
  config.login = meta_messaging::login_from(account.login).value_or(meta_messaging::Login::facebook);
  const bool instagram_login = config.login == meta_messaging::Login::instagram;
  config.base_url = instagram_login ? access_.instagram_url : access_.graph.base_url;
  config.version = access_.graph.version;
  config.channel = channel_of(account);
  config.account_id = account.sender_id;
  config.send_timeout = access_.graph.send_timeout;
  const Secret proof = instagram_login ? Secret() : access_.app_secret;
  return meta_messaging::MetaClient::create(ports_.http, std::move(config), std::move(token), proof);
}

Task<Result<>> AccountRuntimes::refresh(AccountId id) {
  auto read = [id](Transaction& tx) { return accounts::get(tx, id); };
  PH_CO_TRY_ASSIGN(const auto account, co_await ports_.database.read(std::move(read)));
  co_return put_up(account);
}

Result<std::unique_ptr<AccountRuntimes::Line>> AccountRuntimes::connect(const Account& account) {
  auto line = std::make_unique<Line>();
  line->sealed_token = account.sealed_token;
  line->login = account.login;
  line->transport = account.transport;
  line->transport_id = account.transport_id;
  line->sender_id = account.sender_id;
  if (account.transport == "aws") {
    if (aws::EumClient* social = ports_.social ? ports_.social() : nullptr) {
      line->channel = std::make_unique<EumChannel>(*social, account.transport_id);
    } else {
      line->channel = std::make_unique<ReceiveOnlyChannel>();
    }
    return line;
  }
  PH_TRY_ASSIGN(Secret token, accounts::open_token(ports_.secrets, account));
  if (channel_of(account) == channels::Channel::whatsapp) {
    PH_TRY_ASSIGN(line->graph, graph_with(std::move(token)));
    line->channel = std::make_unique<WhatsAppChannel>(*line->graph, account.sender_id);
  } else {
    PH_TRY_ASSIGN(line->meta, meta_with(account, std::move(token)));
    line->channel = std::make_unique<MetaChannel>(*line->meta);
  }
  return line;
}

Result<> AccountRuntimes::put_up(const Account& account) {
  auto& running = running_[account.id];
  const bool fresh = running == nullptr;
  if (fresh || !running->channel.line().serves(account)) {
    auto line = connect(account);
    if (!line) {
      if (fresh) running_.erase(account.id);
      return std::unexpected(line.error());
    }
    if (fresh) running = std::make_unique<Running>();
    running->channel.use(**line);
    lines_.push_back(*std::move(line));
  }
  running->granted = account.throughput;
  if (!fresh) {
    running->dispatcher->update_account(sending_facts(account));
    return {};
  }
  const DispatcherPorts ports{ports_.database, ports_.clock,     ports_.random, ports_.log,
                              ports_.metrics,  running->channel, ports_.wamids, ports_.proof,
                              ports_.observer, ports_.executor};
  running->dispatcher = std::make_unique<Dispatcher>(ports, sending_facts(account), token_key_, options_);
  running->dispatcher->start();
  return {};
}

void AccountRuntimes::wake(AccountId id) {
  if (auto* running = dispatcher(id)) running->wake();
}

std::optional<RateView> AccountRuntimes::rate(AccountId id) const {
  const auto found = running_.find(id);
  if (found == running_.end()) return std::nullopt;
  const auto stats = found->second->dispatcher->stats();
  RateView view;
  view.granted = found->second->granted;
  view.current = static_cast<int>(stats.rate);
  view.queued = static_cast<std::size_t>(stats.ready);
  view.in_flight = static_cast<std::size_t>(stats.in_flight);
  return view;
}

}  // namespace posthorn
