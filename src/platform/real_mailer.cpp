#include "platform/real_mailer.h"

#include <algorithm>
#include <array>
#include <mutex>

#include <curl/curl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "platform/authority.h"
#include "platform/base64.h"
#include "platform/worker_pool.h"

namespace posthorn {
namespace {

constexpr unsigned kThreads = 2;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeMime {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using Mime = std::unique_ptr<curl_mime, FreeMime>;

class List {
 public:
  void add(const std::string& text) {
    curl_slist* grown = curl_slist_append(list_.get(), text.c_str());
    if (grown == nullptr) throw std::bad_alloc();
    (void)list_.release();
    list_.reset(grown);
  }
  curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, FreeList> list_;
};

// A header field must stay one line, whatever people are called.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out;
}

bool plain_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// RFC 2047: words of at most 75 characters, each whole in UTF-8.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t kBytes = 42;  // 56 in base64, and 12 around it
  std::string out;
  while (!text.empty()) {
    std::size_t n = std::min(kBytes, text.size());
    while (n > 1 && n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0U) == 0x80U) --n;
    out += out.empty() ? "" : "\r\n ";
    out += "=?UTF-8?B?" + to_base64(text.substr(0, n)) + "?=";
    text.remove_prefix(n);
  }
  return out;
}

std::string header_text(std::string_view text) {
  const std::string line = one_line(text);
  return plain_ascii(line) ? line : encoded_words(line);
}

std::string mailbox(std::string_view name, const std::string& address) {
  if (name.empty()) return address;
  std::string shown = one_line(name);
  if (!plain_ascii(shown)) return encoded_words(shown) + " <" + address + ">";
  std::erase_if(shown, [](char c) { return c == '"' || c == '\\'; });
  return "\"" + shown + "\" <" + address + ">";
}

List headers_of(const SmtpServer& server, const Mail& mail) {
  List headers;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(mail.date.time_since_epoch()).count();
  headers.add(fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} +0000", fmt::gmtime(seconds)));
  headers.add("From: " + mailbox(server.from_name, server.from));
  headers.add("To: " + mailbox(mail.to_name, mail.to));
  headers.add("Subject: " + header_text(mail.subject));
  headers.add("Message-ID: <" + one_line(mail.message_id) + ">");
  headers.add("Auto-Submitted: auto-generated");  // RFC 3834: nobody's holiday notice answers
  headers.add("X-Auto-Response-Suppress: All");
  return headers;
}

void add_text(curl_mime* mime, const std::string& text, const char* type) {
  curl_mimepart* part = curl_mime_addpart(mime);
  curl_mime_data(part, text.data(), text.size());
  curl_mime_type(part, type);
  curl_mime_encoder(part, "base64");
}

// Text and HTML are two forms of one content; attachments stand beside it.
Mime body_of(CURL* handle, const Mail& mail) {
  Mime whole(curl_mime_init(handle));
  curl_mime* forms = curl_mime_init(handle);
  add_text(forms, mail.text, "text/plain; charset=utf-8");
  if (!mail.html.empty()) add_text(forms, mail.html, "text/html; charset=utf-8");
  curl_mimepart* content = curl_mime_addpart(whole.get());
  curl_mime_subparts(content, forms);
  curl_mime_type(content, "multipart/alternative");
  for (const MailAttachment& file : mail.attachments) {
    curl_mimepart* part = curl_mime_addpart(whole.get());
    curl_mime_data(part, file.bytes.data(), file.bytes.size());
    curl_mime_type(part, plain_ascii(file.mime_type) ? file.mime_type.c_str() : "application/octet-stream");
    curl_mime_filename(part, header_text(file.file_name).c_str());
    curl_mime_encoder(part, "base64");
  }
  return whole;
}

std::string url_of(const SmtpServer& server) {
  const char* scheme = server.security == MailSecurity::tls ? "smtps" : "smtp";
  return fmt::format("{}://{}:{}", scheme, bracketed_host(server.host), server.port);
}

void set_connection(CURL* handle, const SmtpServer& server) {
  curl_easy_setopt(handle, CURLOPT_URL, url_of(server).c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout.count() / 1000));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(server.timeout.count() / 2000));
  curl_easy_setopt(handle, CURLOPT_USE_SSL,
                   server.security == MailSecurity::none ? CURLUSESSL_NONE : CURLUSESSL_ALL);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (!server.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, server.ca_file.c_str());
  if (server.user.empty()) return;
  curl_easy_setopt(handle, CURLOPT_USERNAME, server.user.c_str());
  curl_easy_setopt(handle, CURLOPT_PASSWORD, std::string(server.password.reveal()).c_str());
}

// Keeps what the server answered last, which says more than libcurl's own words.
int remember_answer(CURL*, curl_infotype type, char* data, std::size_t size, void* into) {
  const std::string_view line(data, size);
  if (type == CURLINFO_HEADER_IN && size > 3 && (line[0] == '4' || line[0] == '5'))
    static_cast<std::string*>(into)->assign(line.substr(0, line.find_last_not_of("\r\n") + 1));
  return 0;
}

MailAnswer judge(CURLcode code, long status, const std::string& said) {
  MailAnswer answer;
  if (code == CURLE_OK) {
    answer.outcome = MailOutcome::taken;
    return answer;
  }
  answer.detail = said.empty() ? std::string(curl_easy_strerror(code)) : said;
  // A login or TLS that is refused is our configuration, not this address: it may be mended.
  const bool ours =
      code == CURLE_LOGIN_DENIED || code == CURLE_USE_SSL_FAILED || code == CURLE_PEER_FAILED_VERIFICATION;
  answer.outcome = !ours && status >= 500 && status < 600 ? MailOutcome::refused : MailOutcome::failed;
  return answer;
}

MailAnswer deliver(const SmtpServer& server, const Mail& mail) {
  const Handle handle(curl_easy_init());
  if (!handle) return {MailOutcome::failed, "out of memory"};
  set_connection(handle.get(), server);
  const List headers = headers_of(server, mail);
  List recipients;
  recipients.add("<" + mail.to + ">");
  const Mime body = body_of(handle.get(), mail);
  std::string said;
  curl_easy_setopt(handle.get(), CURLOPT_MAIL_FROM, ("<" + server.from + ">").c_str());
  curl_easy_setopt(handle.get(), CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle.get(), CURLOPT_MIMEPOST, body.get());
  curl_easy_setopt(handle.get(), CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_DEBUGFUNCTION, &remember_answer);
  curl_easy_setopt(handle.get(), CURLOPT_DEBUGDATA, &said);
  const CURLcode code = curl_easy_perform(handle.get());
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return judge(code, status, said);
}

class SmtpMailer final : public Mailer {
 public:
  explicit SmtpMailer(SmtpServer server)
      : server_(std::make_shared<const SmtpServer>(std::move(server))),
        pool_(std::make_shared<WorkerPool>(kThreads)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }
  ~SmtpMailer() override { pool_->stop(); }

  Task<MailAnswer> send(Mail mail) override {
    std::move_only_function<MailAnswer()> work = [server = server_, mail = std::move(mail)] {
      return deliver(*server, mail);
    };
    MailAnswer stopped{MailOutcome::failed, "the server is stopping"};
    co_return co_await offload<MailAnswer>(pool_, std::move(work), std::move(stopped));
  }

 private:
  std::shared_ptr<const SmtpServer> server_;
  std::shared_ptr<WorkerPool> pool_;
};

}  // namespace

bool is_mail_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  const bool shaped = text.size() <= 254 && at != std::string_view::npos && at > 0 && at + 1 < text.size();
  return shaped && std::ranges::count(text, '@') == 1 && std::ranges::all_of(text, [](char c) {
           return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '<' && c != '>' && c != ',' &&
                  c != '"';
         });
}

std::optional<MailSecurity> mail_security_from(std::string_view text) {
  if (text == "starttls") return MailSecurity::starttls;
  if (text == "tls") return MailSecurity::tls;
  if (text == "none") return MailSecurity::none;
  return std::nullopt;
}

std::unique_ptr<Mailer> make_smtp_mailer(SmtpServer server) {
  return std::make_unique<SmtpMailer>(std::move(server));
}

}  // namespace posthorn
