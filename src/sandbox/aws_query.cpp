#include "sandbox/aws_query.h"

#include <algorithm>

#include <fmt/format.h>

#include "sandbox/aws_bucket.h"

namespace posthorn::sandbox {
namespace {

HttpResponse xml(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/xml");
  response.body = std::move(body);
  return response;
}

}  // namespace

AwsForm::AwsForm(const HttpRequest& request) {
  std::string form = request.body;
  std::ranges::replace(form, '+', ' ');
  as_query_.target = "/?" + form;
}

std::string_view aws_namespace(std::string_view version) {
  return version == kStsVersion ? "https://sts.amazonaws.com/doc/2011-06-15/"
                                : "http://sns.amazonaws.com/doc/2010-03-31/";
}

HttpResponse query_answer(std::string_view version, std::string_view action, std::string_view result) {
  return xml(200,
             fmt::format("<{0}Response xmlns=\"{1}\"><{0}Result>{2}</{0}Result><ResponseMetadata><RequestId>"
                         "sandbox</RequestId></ResponseMetadata></{0}Response>",
                         action, aws_namespace(version), result));
}

HttpResponse query_error(std::string_view version, int status, std::string_view code,
                         std::string_view message) {
  return xml(
      status,
      fmt::format("<ErrorResponse xmlns=\"{}\"><Error><Type>Sender</Type>{}{}</Error><RequestId>sandbox"
                  "</RequestId></ErrorResponse>",
                  aws_namespace(version), xml_element("Code", code), xml_element("Message", message)));
}

HttpResponse query_error(std::string_view version, const Error& error) {
  if (error.code == ErrorCode::not_found) return query_error(version, 404, "NotFound", error.message);
  if (error.code == ErrorCode::permission_denied)
    return query_error(version, 403, "AuthorizationError", error.message);
  return query_error(version, 400, "InvalidParameter", error.message);
}

std::string xml_element(std::string_view name, std::string_view text) {
  return fmt::format("<{0}>{1}</{0}>", name, xml_escaped(text));
}

}  // namespace posthorn::sandbox
