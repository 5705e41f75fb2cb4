// Precompiled header of the tests: the product's own, and GoogleTest.
#pragma once
#include "pch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
