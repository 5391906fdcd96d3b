#include "services/gateway/login_outcomes.h"

#include <gmock/gmock.h>

namespace ringgate {
namespace {

using namespace std::chrono_literals;

using testing::HasSubstr;

class LoginOutcomesTest : public testing::Test {
 protected:
  void fail(std::uint32_t account) {
    outcomes_.failed(account, "the store is not available", seen_, now_);
  }
  bool failing() { return outcomes_.look(seen_, now_).has_value(); }

  LoginOutcomes outcomes_;
  LoginOutcomes::SteadyClock::time_point now_ = LoginOutcomes::SteadyClock::now();
  LoginOutcomes::Seen seen_{.logins = 100};
};

TEST_F(LoginOutcomesTest, SeveralOfSeveralAccountsWithoutASuccess) {
  EXPECT_FALSE(failing());
  fail(1);
  fail(2);
  EXPECT_FALSE(failing());
  fail(3);
  EXPECT_THAT(outcomes_.look(seen_, now_).value_or(""),
              HasSubstr("the last one: the store is not available"));
  ++seen_.logins;
  EXPECT_FALSE(failing());
  fail(1);
  EXPECT_FALSE(failing()) << "counted anew";
}

TEST_F(LoginOutcomesTest, OneClientAloneCannotDoIt) {
  EXPECT_FALSE(failing());
  for (int i = 0; i < 1000; ++i) fail(7);
  EXPECT_FALSE(failing());
}

TEST_F(LoginOutcomesTest, ASuccessBetweenThemSaysThatLoginsWork) {
  EXPECT_FALSE(failing());
  for (std::uint32_t i = 0; i < 100; ++i) {
    fail(2 * i);
    fail(2 * i + 1);
    ++seen_.logins;
    EXPECT_FALSE(failing());
  }
}

TEST_F(LoginOutcomesTest, WhenNoneIsTriedAnyMoreSomeAreLetInAgain) {
  EXPECT_FALSE(failing());
  for (std::uint32_t i = 0; i < 3; ++i) fail(i);
  EXPECT_TRUE(failing());
  now_ += LoginOutcomes::kForget - 1s;
  EXPECT_TRUE(failing());
  now_ += 1s;
  EXPECT_FALSE(failing());
}

TEST_F(LoginOutcomesTest, ServicesThatTakeNoRollCallSayItWhereNobodyLogsIn) {
  EXPECT_FALSE(failing());
  seen_.rolls_failed += 10;
  EXPECT_FALSE(failing()) << "it may be over in a moment";
  now_ += LoginOutcomes::kSettle;
  EXPECT_TRUE(failing());
  now_ += LoginOutcomes::kForget;
  EXPECT_TRUE(failing()) << "it holds until one is taken";
  ++seen_.rolls_taken;
  EXPECT_FALSE(failing());
  ++seen_.rolls_failed;
  EXPECT_FALSE(failing());
  now_ += LoginOutcomes::kSettle;
  EXPECT_FALSE(failing()) << "one is not several";
  seen_.rolls_failed += 2;
  ++seen_.logins;
  now_ += LoginOutcomes::kSettle;
  EXPECT_FALSE(failing()) << "logins succeed all the same";
}

TEST_F(LoginOutcomesTest, ServicesThatTakeRollCallsAgainEndIt) {
  EXPECT_FALSE(failing());
  for (std::uint32_t i = 0; i < 3; ++i) fail(i);
  ++seen_.rolls_taken;
  EXPECT_TRUE(failing()) << "it may have been asked before";
  now_ += 4s;
  ++seen_.rolls_failed;
  EXPECT_TRUE(failing());
  now_ += LoginOutcomes::kSettle - 1s;
  ++seen_.rolls_taken;
  EXPECT_TRUE(failing()) << "of another service's, perhaps";
  now_ += 1s;
  EXPECT_TRUE(failing()) << "none since";
  ++seen_.rolls_taken;
  EXPECT_FALSE(failing());
}

TEST_F(LoginOutcomesTest, WhileLoginsFailRollCallsSayNothing) {
  EXPECT_FALSE(failing());
  for (std::uint32_t i = 0; i < 20; ++i) {
    fail(i);
    ++seen_.rolls_taken;
    now_ += 1s;
  }
  EXPECT_TRUE(failing());
}

TEST_F(LoginOutcomesTest, WhatAServiceSaysIsOneLine) {
  EXPECT_FALSE(failing());
  fail(1);
  fail(2);
  outcomes_.failed(3, "bad\n\x1b[31mred", seen_, now_);
  EXPECT_THAT(outcomes_.look(seen_, now_).value_or(""),
              HasSubstr("the last one: bad\\x0a\\x1b[31mred"));
  outcomes_.failed(3, "", seen_, now_);
  EXPECT_THAT(outcomes_.look(seen_, now_).value_or(""), HasSubstr("does not say why"));
}

}  // namespace
}  // namespace ringgate
