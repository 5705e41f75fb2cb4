// The query protocol of SNS and STS: forms in, XML out.
#pragma once
#include <string>
#include <string_view>

#include "core/result.h"
#include "platform/http.h"

namespace posthorn::sandbox {

inline constexpr std::string_view kSnsVersion = "2010-03-31", kStsVersion = "2011-06-15";

// The fields of a form.
class AwsForm {
 public:
  explicit AwsForm(const HttpRequest& request);
  std::string value(std::string_view name) const { return as_query_.query(name); }  // empty: not given
  bool has(std::string_view name) const { return as_query_.has_query(name); }

 private:
  HttpRequest as_query_;  // the target of a request reads the same way
};

// The namespace of a version's documents.
std::string_view aws_namespace(std::string_view version);
HttpResponse query_answer(std::string_view version, std::string_view action, std::string_view result);
HttpResponse query_error(std::string_view version, int status, std::string_view code,
                         std::string_view message);
// not_found, permission_denied and all else as SNS calls them.
HttpResponse query_error(std::string_view version, const Error& error);
// <name>escaped text</name>
std::string xml_element(std::string_view name, std::string_view text);

}  // namespace posthorn::sandbox
