#include "net/certificate_names.hpp"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <memory>

namespace hawser::net {
namespace {

struct Free {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::string text_of(const ASN1_STRING* string) {
  std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                   static_cast<std::size_t>(ASN1_STRING_length(string)));
  return text.find('\0') == std::string::npos ? text : std::string();
}

std::string address_of(const ASN1_STRING* bytes) {
  const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(bytes) != 16) return {};
  char text[INET6_ADDRSTRLEN] = {};
  return ::inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text) == nullptr ? ""
                                                                                         : text;
}

std::string subject_of(const X509& certificate) {
  const std::unique_ptr<BIO, Free> out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

template <class Visit>
void each_name(const X509& certificate, Visit visit) {
  const std::unique_ptr<GENERAL_NAMES, Free> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    visit(*sk_GENERAL_NAME_value(names.get(), i));
  }
}

std::string named(const char* kind, const std::string& value) {
  return value.empty() ? std::string() : kind + value;
}

std::string shown(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
      return named("DNS:", text_of(name.d.dNSName));
    case GEN_URI:
      return named("URI:", text_of(name.d.uniformResourceIdentifier));
    case GEN_EMAIL:
      return named("email:", text_of(name.d.rfc822Name));
    case GEN_IPADD:
      return named("IP:", address_of(name.d.iPAddress));
    default:
      return {};
  }
}

}  // namespace

std::vector<std::string> dns_names(const X509& certificate) {
  std::vector<std::string> out;
  each_name(certificate, [&](const GENERAL_NAME& name) {
    if (name.type != GEN_DNS) return;
    if (auto text = text_of(name.d.dNSName); !text.empty()) out.push_back(std::move(text));
  });
  return out;
}

std::vector<std::string> names_of_subject(const X509& certificate) {
  std::vector<std::string> out;
  if (auto subject = subject_of(certificate); !subject.empty()) out.push_back(std::move(subject));
  each_name(certificate, [&](const GENERAL_NAME& name) {
    if (auto text = shown(name); !text.empty()) out.push_back(std::move(text));
  });
  return out;
}

}  // namespace hawser::net
