// Reading one of Meta's error objects, wherever it stands.
#pragma once
#include <vector>

#include <boost/json/object.hpp>

#include "channels/whatsapp/error_table.h"

namespace posthorn::whatsapp {

// {"code","message"|"title","error_data":{"details"},"error_subcode","type","is_transient","fbtrace_id",…}
GraphError read_graph_error(const boost::json::object& error, int http_status);

// errors[] of a webhook item; entries that are no objects are left out.
std::vector<GraphError> read_graph_errors(const boost::json::object& item);

}  // namespace posthorn::whatsapp
