// What is wrong with files of certificates and keys, each with its sentence.
#include "control/tls/material.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <ctime>
#include <string>

#include "control/tls/context.h"
#include "tests/control/tls/tls_fixture.h"

namespace ringgate {
namespace {

using test::MadeCertificate;
using testing::AllOf;
using testing::HasSubstr;

class TlsMaterial : public testing::Test {
 protected:
  TlsMaterial() { files_.add("server", made_); }
  ~TlsMaterial() override { EXPECT_EQ(ERR_peek_error(), 0U) << "OpenSSL's queue is left empty"; }

  void use_certificate(const std::string& text) {
    files_.settings.certificates = {files_.write("other.pem", text)};
  }
  void use_key(const std::string& text) {
    files_.settings.keys = {files_.write("other.key", text)};
  }

  MadeCertificate made_ = MadeCertificate::make({.names = {"chat.example.com"}});
  test::TlsFiles files_;
};

TEST_F(TlsMaterial, AGoodPairIsTaken) {
  EXPECT_EQ(files_.error(), "");
  const auto material = files_.load();
  ASSERT_TRUE(material);
  const auto validity = (*material)->validity();
  ASSERT_EQ(validity.size(), 1U);
  EXPECT_EQ(validity[0].file, files_.settings.certificates[0]);
  EXPECT_NEAR(static_cast<double>(validity[0].not_after - std::time(nullptr)), 24 * 3600, 60);
}

TEST_F(TlsMaterial, WhatIsMissingIsNamed) {
  files_.settings.keys.clear();
  EXPECT_THAT(files_.error(), HasSubstr("TlsCert names 1 and TlsKey names 0"));
  files_.settings.certificates.clear();
  EXPECT_THAT(files_.error(), HasSubstr("TlsCert is missing"));
}

TEST_F(TlsMaterial, AFileThatCannotBeReadIsNamed) {
  files_.settings.certificates = {"/no/such/file.pem"};
  EXPECT_THAT(files_.error(), AllOf(HasSubstr("TlsCert"), HasSubstr("/no/such/file.pem")));
  files_.settings.certificates = {"/tmp"};
  EXPECT_THAT(files_.error(), HasSubstr("TlsCert: /tmp is not a regular file"));
  use_certificate(made_.pem());
  files_.settings.keys = {"/no/such/file.key"};
  EXPECT_THAT(files_.error(), AllOf(HasSubstr("TlsKey"), HasSubstr("/no/such/file.key")));
}

TEST_F(TlsMaterial, WhatIsNoPemIsNoCertificateAndNoKey) {
  use_certificate("hello\n");
  EXPECT_THAT(files_.error(), HasSubstr("has no certificate in PEM"));
  use_certificate(made_.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(files_.error(), HasSubstr("has a certificate that cannot be read"));
  use_certificate(made_.pem());
  use_key(made_.pem());
  EXPECT_THAT(files_.error(), HasSubstr("has no key in PEM"));
}

TEST_F(TlsMaterial, AnotherKeyAndAChainInTheWrongOrderAreNoPair) {
  use_key(MadeCertificate::make({}).key_pem());
  EXPECT_THAT(files_.error(), HasSubstr("is not the key of the certificate in"));
  const MadeCertificate authority = MadeCertificate::authority();
  const MadeCertificate own = MadeCertificate::make({}, &authority);
  use_key(own.key_pem());
  use_certificate(authority.pem() + own.pem());
  EXPECT_THAT(files_.error(), HasSubstr("its own certificate comes first"));
  use_certificate(own.pem() + authority.pem());
  EXPECT_EQ(files_.error(), "");
  EXPECT_TRUE(files_.context());
}

TEST_F(TlsMaterial, AChainWithoutWhoSignedTheFirstIsRefused) {
  const MadeCertificate authority = MadeCertificate::authority();
  const MadeCertificate other = MadeCertificate::authority("another authority");
  const MadeCertificate own = MadeCertificate::make({}, &authority);
  use_key(own.key_pem());
  use_certificate(own.pem() + other.pem());
  EXPECT_THAT(files_.error(), HasSubstr("none of the certificates after the first in"));
  use_certificate(own.pem() + own.pem());
  EXPECT_THAT(files_.error(), HasSubstr("is of who signed it"));
  use_certificate(own.pem() + other.pem() + authority.pem());
  EXPECT_EQ(files_.error(), "") << "one too many does no harm";
}

TEST_F(TlsMaterial, WhoCannotBeTrustedIsNoAuthority) {
  const MadeCertificate authority = MadeCertificate::authority();
  const auto error_with = [&](const std::string& text) {
    files_.settings.client_ca = files_.write("clients.pem", text);
    return files_.error();
  };
  const std::string leaf = MadeCertificate::make({}, &authority).pem();
  const std::string old = MadeCertificate::make({.is_authority = true, .to_s = -60}).pem();
  EXPECT_THAT(error_with(leaf),
              AllOf(HasSubstr("TlsClientCA"), HasSubstr("is not an authority's")));
  EXPECT_THAT(error_with(old), HasSubstr("has expired"));
  EXPECT_THAT(error_with(MadeCertificate::make({.is_authority = true, .from_s = 3600}).pem()),
              HasSubstr("is not valid yet"));
  EXPECT_THAT(error_with(old + leaf), HasSubstr("none will do, and the last is not"));
  EXPECT_EQ(error_with(old + authority.pem()), "") << "a bundle may have some that nobody needs";
  EXPECT_EQ(error_with(MadeCertificate::make({}).pem()), "") << "signed by itself: who shows it";
}

TEST_F(TlsMaterial, CiphersOfTls12HaveToGoWithTheKey) {
  files_.settings.ciphers = {"ECDHE-RSA-AES128-GCM-SHA256"};
  const auto context_error = [&] {
    const auto context = (*files_.load())->context({});
    return context ? std::string() : context.error().message;
  };
  EXPECT_THAT(context_error(), HasSubstr("TlsCiphers has none for clients of TLS 1.2"));
  files_.settings.min_version = tls::MinVersion::kTls13;
  EXPECT_EQ(context_error(), "");
  files_.settings.min_version = tls::MinVersion::kTls12;
  files_.settings.ciphers.emplace_back("ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(context_error(), "");
  files_.settings.ciphers = {"TLS_AES_128_GCM_SHA256"};
  EXPECT_EQ(context_error(), "") << "of TLS 1.2 there are ours";
}

TEST_F(TlsMaterial, AKeyWithAPasswordIsRefusedAndNobodyIsAsked) {
  use_key(made_.key_pem("secret"));
  EXPECT_THAT(files_.error(),
              AllOf(HasSubstr("is protected by a password"), HasSubstr("openssl pkey -in")));
}

TEST_F(TlsMaterial, TheTimesOfAllCertificatesOfTheChainCount) {
  const auto error_with = [&](const MadeCertificate& own, const std::string& more = {}) {
    use_certificate(own.pem() + more);
    use_key(own.key_pem());
    return files_.error();
  };
  EXPECT_THAT(error_with(MadeCertificate::make({.to_s = -60})),
              AllOf(HasSubstr("has expired on 20"), HasSubstr("renew it")));
  EXPECT_THAT(error_with(MadeCertificate::make({.from_s = 3600})),
              AllOf(HasSubstr("is not valid before 20"), HasSubstr("clock")));
  const MadeCertificate old = MadeCertificate::make({.is_authority = true, .to_s = -60});
  EXPECT_THAT(error_with(MadeCertificate::make({}, &old), old.pem()),
              HasSubstr("a certificate of the chain in"));
  const MadeCertificate brief = MadeCertificate::make({.is_authority = true, .to_s = 600});
  EXPECT_EQ(error_with(MadeCertificate::make({}, &brief), brief.pem()), "");
  EXPECT_LE((*files_.load())->validity()[0].not_after, std::time(nullptr) + 600)
      << "the chain is good as long as its first that ends";
}

// Whoever renews the first of a chain every 60 days must hear of the second that ends.
TEST_F(TlsMaterial, EachOfTheChainHasToBeRenewedByItsOwnLife) {
  constexpr long kDay = 24L * 3600;
  const auto renewed_in_days = [&](const MadeCertificate::Wish& own,
                                   const MadeCertificate::Wish& above) {
    const MadeCertificate authority = MadeCertificate::make(above);
    const MadeCertificate made = MadeCertificate::make(own, &authority);
    use_certificate(made.pem() + authority.pem());
    use_key(made.key_pem());
    const auto left = (*files_.load())->validity()[0].renew_at - std::time(nullptr);
    return static_cast<double>(left) / kDay;
  };
  const MadeCertificate::Wish fresh{.from_s = 0, .to_s = 90 * kDay};
  const auto above = [](long from_days, long to_days) {
    return MadeCertificate::Wish{.common_name = "above",
                                 .is_authority = true,
                                 .from_s = from_days * kDay,
                                 .to_s = to_days * kDay};
  };
  EXPECT_NEAR(renewed_in_days(fresh, above(-390, 10)), -4, 0.01);
  EXPECT_NEAR(renewed_in_days(fresh, above(-390, 400)), 76, 0.01);
  EXPECT_NEAR(renewed_in_days(fresh, above(-3, 6)), 3, 0.01) << "the last third of nine days";
  const MadeCertificate::Wish brief{.from_s = 0, .to_s = 6 * kDay};
  EXPECT_NEAR(renewed_in_days(brief, above(-390, 400)), 4, 0.01);
  EXPECT_NEAR(renewed_in_days(brief, above(-390, 10)), -4, 0.01) << "not the first that ends";
}

TEST_F(TlsMaterial, UsagesHaveToBeThoseOfAServer) {
  const auto error_with = [&](const std::string& usages) {
    const MadeCertificate made = MadeCertificate::make({.usages = usages});
    use_certificate(made.pem());
    use_key(made.key_pem());
    return files_.error();
  };
  EXPECT_THAT(error_with("clientAuth,emailProtection"),
              AllOf(HasSubstr("TlsCert: the certificate in "), HasSubstr("is not for a server"),
                    HasSubstr("have it made with serverAuth")));
  EXPECT_EQ(error_with("clientAuth,serverAuth"), "");
  EXPECT_EQ(error_with("anyExtendedKeyUsage"), "") << "many clients take it";
  EXPECT_EQ(error_with(""), "") << "it says nothing of usages";
}

TEST_F(TlsMaterial, CiphersAreThoseThatOpenSslHas) {
  for (const char* const good : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE+AESGCM",
                                 "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}) {
    files_.settings.ciphers = {good};
    EXPECT_EQ(files_.error(), "") << good;
    EXPECT_TRUE(files_.context()) << good;
  }
  for (const char* const bad :
       {"TLS_AES_128_CCM_SHA256", "NONSENSE", "@SECLEVEL=0", "!aNULL", "", "AES128-SHA:NONSENSE",
        "-ALL", "NULL-SHA256", "eNULL", "aNULL", "ALL"}) {
    files_.settings.ciphers = {"ECDHE+AESGCM", bad};
    EXPECT_THAT(files_.error(), HasSubstr("TlsCiphers")) << bad;
  }
}

TEST_F(TlsMaterial, ClientAuthoritiesAreThereWhereTheyAreWanted) {
  files_.settings.client_ca = files_.write("ca.pem", "hello");
  EXPECT_THAT(files_.error(), HasSubstr("TlsClientCA"));
  files_.settings.client_ca.clear();
  const auto context = (*files_.load())->context({.client_certificate = true});
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message, HasSubstr("TlsClientCA is missing"));
}

TEST_F(TlsMaterial, TicketKeysAreLinesOfHex) {
  const std::string key(160, 'a');
  const auto error_with = [&](const std::string& text) {
    files_.settings.ticket_keys = files_.write("tickets", text);
    return files_.error();
  };
  EXPECT_EQ(error_with("# a comment\n\n" + key + "\n" + key + "\r\n"), "");
  EXPECT_THAT(error_with(key + "\n" + key.substr(1) + "\n"),
              AllOf(HasSubstr("line 2 of"), HasSubstr("has 159 characters")));
  EXPECT_THAT(error_with(key.substr(1) + "x\n"), HasSubstr("no digit in hex"));
  EXPECT_THAT(error_with("# nothing\n"), HasSubstr("has no key; make one with"));
  std::string many;
  for (std::size_t i = 0; i <= tls::TicketKeys::kMaxKeys; ++i) many += key + "\n";
  EXPECT_THAT(error_with(many), HasSubstr("more than 16 keys"));
  files_.settings.ticket_keys = "/no/such/tickets";
  EXPECT_THAT(files_.error(), AllOf(HasSubstr("TlsTicketKeys"), HasSubstr("/no/such/tickets")));
}

}  // namespace
}  // namespace ringgate
