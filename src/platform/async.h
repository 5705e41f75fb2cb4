// The coroutine type of the house. All domain code runs on one single-threaded executor: no locks above
// platform/.
//
// Rules (they keep every compiler right): inside an expression with co_await build no aggregate with braces,
// use no
// ?: on objects and no lambda with captures; name it on the line before. Write no awaiter of your own: use
// boost::asio::async_initiate.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace posthorn {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

using Executor = asio::any_io_executor;

}  // namespace posthorn
