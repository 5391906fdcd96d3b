// What most tests include, precompiled by precompiled.cmake. Nobody includes this by
// hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripts/cmake/precompiled.h"
