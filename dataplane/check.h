// RINGGATE_CHECK, which the codec has too.
#pragma once

#include "codec/check.h"
