#include "channels/meta_messaging/message_bodies.h"

#include <array>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "channels/meta_messaging/graphemes.h"
#include "core/json_writer.h"

namespace posthorn::meta_messaging {
namespace {

using channels::Channel;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

// In the channel's own measure.
std::size_t size_in(std::string_view piece, Channel channel) {
  if (channel == Channel::instagram) return piece.size();
  std::size_t units = 0;
  for (std::size_t at = 0; at < piece.size();) {
    const CodePoint c = code_point_at(piece, at);
    units += c.value >= 0x10000 ? 2 : 1;
    at += c.length;
  }
  return units;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) at += code_point_at(text, at).length;
  return count;
}

// As many whole clusters as fit; of a single one that does not fit, as many code points.
std::size_t fitting(std::string_view text, Channel channel, std::size_t limit) {
  std::size_t end = 0, size = 0;
  while (end < text.size()) {
    const std::size_t next = cluster_end(text, end);
    const std::size_t more = size_in(text.substr(end, next - end), channel);
    if (size + more > limit) break;
    size += more;
    end = next;
  }
  if (end > 0) return end;
  while (end < text.size()) {
    const std::size_t length = code_point_at(text, end).length;
    size += size_in(text.substr(end, length), channel);
    if (size > limit) break;
    end += length;
  }
  return end;
}

// A better place to cut in the last half of what fits: between paragraphs, lines, or words.
std::size_t good_cut(std::string_view fits) {
  for (const std::string_view border : {"\n\n", "\n", " "}) {
    const std::size_t found = fits.rfind(border);
    if (found != std::string_view::npos && found >= fits.size() / 2) return found + border.size();
  }
  return fits.size();
}

Result<> check(const Addressing& to) {
  if (to.recipient.empty() == to.comment_id.empty())
    return fail(ErrorCode::invalid_argument, "give either a recipient or a comment to answer", "recipient");
  return {};
}

// recipient, messaging_type, tag and reply_to; the object stays open for "message".
JsonWriter& open_body(JsonWriter& out, const Addressing& to, bool quotes) {
  out.begin_object().key("recipient").begin_object();
  if (to.comment_id.empty()) {
    out.member("id", std::string_view(to.recipient));
  } else {
    out.member("comment_id", std::string_view(to.comment_id));
  }
  out.end_object();
  if (to.human_agent) {
    out.member("messaging_type", "MESSAGE_TAG").member("tag", "HUMAN_AGENT");
  } else if (to.login == Login::facebook) {
    out.member("messaging_type", "RESPONSE");
  }
  if (quotes && !to.reply_to.empty())
    out.key("reply_to").begin_object().member("mid", std::string_view(to.reply_to)).end_object();
  return out.key("message").begin_object();
}

std::string text_body(const Addressing& to, std::string_view text, bool quotes) {
  std::string body;
  JsonWriter out(body);
  open_body(out, to, quotes).member("text", text).end_object().end_object();
  return body;
}

Result<> check(const std::vector<QuickReply>& replies) {
  if (replies.empty() || replies.size() > kMaxQuickReplies)
    return fail(ErrorCode::invalid_argument, fmt::format("give 1 to {} quick replies", kMaxQuickReplies),
                "quick_replies");
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const std::size_t length = count_code_points(replies[i].title);
    if (length < 1 || length > kMaxQuickReplyTitle) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a title must have 1 to {} characters", kMaxQuickReplyTitle),
                  fmt::format("quick_replies[{}].title", i));
    }
    if (replies[i].payload.size() > kMaxQuickReplyPayload) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a payload must have at most {} bytes", kMaxQuickReplyPayload),
                  fmt::format("quick_replies[{}].payload", i));
    }
  }
  return {};
}

std::string reaction_body(std::string_view recipient, std::string_view action, std::string_view mid,
                          std::string_view reaction) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().key("recipient").begin_object().member("id", recipient).end_object();
  out.member("sender_action", action).key("payload").begin_object().member("message_id", mid);
  if (!reaction.empty()) out.member("reaction", reaction);
  out.end_object().end_object();
  return body;
}

}  // namespace

std::vector<std::string> split_text(std::string_view text, Channel channel) {
  const std::size_t limit = channel == Channel::instagram ? kMaxTextInstagram : kMaxTextMessenger;
  std::vector<std::string> pieces;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    std::size_t end = fitting(text, channel, limit);
    if (end < text.size()) end = good_cut(text.substr(0, end));
    pieces.emplace_back(trim(text.substr(0, end)));
    text.remove_prefix(end);
  }
  return pieces;
}

Result<std::vector<std::string>> text_bodies(const Addressing& to, std::string_view text) {
  PH_TRY(check(to));
  const std::vector<std::string> pieces = split_text(text, to.channel);
  if (pieces.empty()) return fail(ErrorCode::invalid_argument, "the text is empty", "text");
  if (pieces.size() > 1 && !to.comment_id.empty()) {
    return fail(ErrorCode::invalid_argument, "a private reply to a comment is one message: shorten the text",
                "text");
  }
  std::vector<std::string> bodies;
  for (const std::string& piece : pieces) bodies.push_back(text_body(to, piece, bodies.empty()));
  return bodies;
}

Result<std::string> attachment_body(const Addressing& to, std::string_view kind, std::string_view url) {
  PH_TRY(check(to));
  if (kind == "document") kind = "file";
  constexpr std::array<std::string_view, 4> kKinds{"image", "video", "audio", "file"};
  if (std::ranges::find(kKinds, kind) == kKinds.end())
    return fail(ErrorCode::invalid_argument, "must be image, video, audio or file", "kind");
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    return fail(ErrorCode::invalid_argument, "must be a public HTTPS address that Meta can fetch", "url");
  std::string body;
  JsonWriter out(body);
  open_body(out, to, true)
      .key("attachment")
      .begin_object()
      .member("type", kind)
      .key("payload")
      .begin_object();
  out.member("url", url).end_object().end_object().end_object().end_object();
  return body;
}

Result<std::string> quick_reply_body(const Addressing& to, std::string_view text,
                                     const std::vector<QuickReply>& replies) {
  PH_TRY(check(to));
  PH_TRY(check(replies));
  if (split_text(text, to.channel).size() != 1)
    return fail(ErrorCode::invalid_argument, "quick replies need one text within the channel's limit",
                "text");
  std::string body;
  JsonWriter out(body);
  open_body(out, to, true).member("text", trim(text)).key("quick_replies").begin_array();
  for (const QuickReply& reply : replies) {
    out.begin_object().member("content_type", "text").member("title", std::string_view(reply.title));
    out.member("payload", std::string_view(reply.payload.empty() ? reply.title : reply.payload)).end_object();
  }
  out.end_array().end_object().end_object();
  return body;
}

std::string sender_action_body(std::string_view recipient, SenderAction action) {
  constexpr std::array<std::string_view, 3> kNames{"typing_on", "typing_off", "mark_seen"};
  std::string body;
  JsonWriter out(body);
  out.begin_object().key("recipient").begin_object().member("id", recipient).end_object();
  out.member("sender_action", kNames[static_cast<std::size_t>(action)]).end_object();
  return body;
}

std::string react_body(std::string_view recipient, std::string_view mid, std::string_view reaction) {
  return reaction_body(recipient, "react", mid, reaction);
}

std::string unreact_body(std::string_view recipient, std::string_view mid) {
  return reaction_body(recipient, "unreact", mid, {});
}

std::string with_metadata(std::string payload, std::string_view token) {
  boost::system::error_code failure;
  json::value body = json::parse(payload, failure);
  json::object* object = failure ? nullptr : body.if_object();
  json::value* message = object != nullptr ? object->if_contains("message") : nullptr;
  if (message == nullptr || !message->is_object()) return payload;
  message->get_object()["metadata"] = token.substr(0, kMaxMetadata);
  return json::serialize(body);
}

}  // namespace posthorn::meta_messaging
