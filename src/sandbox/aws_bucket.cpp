#include "sandbox/aws_bucket.h"

#include <algorithm>

#include <fmt/format.h>

#include "platform/crypto.h"

namespace posthorn::sandbox {
namespace {

constexpr std::size_t kMostKeys = 1000;

HttpResponse xml(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/xml");
  response.body = R"(<?xml version="1.0" encoding="UTF-8"?>)"
                  "\n" +
                  std::move(body);
  return response;
}

std::string etag(const S3Object& object) {
  return '"' + to_hex(sha256(object.bytes)).substr(0, 32) + '"';
}

}  // namespace

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

HttpResponse s3_error(int status, std::string_view code, std::string_view message,
                      std::string_view more_xml) {
  return xml(
      status,
      fmt::format("<Error><Code>{}</Code><Message>{}</Message>{}<RequestId>SANDBOX</RequestId></Error>", code,
                  xml_escaped(message), more_xml));
}

void AwsBucket::put(std::string key, std::string mime, std::string bytes, WallTime now) {
  objects_[std::move(key)] = S3Object{std::move(bytes), std::move(mime), now};
}

HttpResponse AwsBucket::call(const HttpRequest& request, WallTime now) {
  std::string path = percent_decode(request.path().substr(1));
  const std::size_t slash = std::min(path.find('/'), path.size());
  if (path.substr(0, slash) != name_)
    return s3_error(404, "NoSuchBucket", "The specified bucket does not exist");
  const std::string key = slash < path.size() ? path.substr(slash + 1) : std::string();
  if (!key.empty()) return on_object(request, key, now);
  if (request.method == "GET" && request.query("list-type") == "2") return list(request);
  return s3_error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
}

HttpResponse AwsBucket::list(const HttpRequest& request) const {
  const std::string prefix = request.query("prefix");
  std::string contents;
  std::size_t count = 0;
  for (auto at = objects_.lower_bound(prefix); at != objects_.end() && at->first.starts_with(prefix); ++at) {
    if (++count > kMostKeys) break;
    contents += fmt::format("<Contents><Key>{}</Key><ETag>{}</ETag><Size>{}</Size></Contents>",
                            xml_escaped(at->first), xml_escaped(etag(at->second)), at->second.bytes.size());
  }
  return xml(200,
             fmt::format("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name>"
                         "<Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{}</MaxKeys>"
                         "<IsTruncated>{}</IsTruncated>{}</ListBucketResult>",
                         name_, xml_escaped(prefix), std::min(count, kMostKeys), kMostKeys, count > kMostKeys,
                         contents));
}

HttpResponse AwsBucket::on_object(const HttpRequest& request, const std::string& key, WallTime now) {
  HttpResponse response;
  if (request.method == "PUT") {
    put(key, std::string(request.headers.get("Content-Type")), request.body, now);
    response.headers.set("ETag", etag(objects_.at(key)));
    return response;
  }
  if (request.method == "DELETE") {
    objects_.erase(key);
    response.status = 204;  // absent is fine
    return response;
  }
  if (request.method != "GET")
    return s3_error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
  const auto found = objects_.find(key);
  if (found == objects_.end())
    return s3_error(404, "NoSuchKey", "The specified key does not exist.",
                    "<Key>" + xml_escaped(key) + "</Key>");
  response.headers.set("Content-Type", found->second.mime);
  response.headers.set("ETag", etag(found->second));
  response.body = found->second.bytes;
  return response;
}

}  // namespace posthorn::sandbox
