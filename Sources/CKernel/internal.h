// What the .c files share: a call's result, or its negated errno.
#pragma once
#include "CKernel.h"
#define ANSWER(call) ({ __typeof__(call) answer_ = (call); answer_ < 0 ? (__typeof__(answer_))-errno : answer_; })
