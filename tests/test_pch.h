// Precompiled header of the tests: the product's own, and GoogleTest.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pch.h"
