import { bool, type FlagGroup, formerly, list, origins, set, text, uint } from "./definitions.ts";

export const SECURITY_FLAGS: FlagGroup = {
  title: "Security",
  flags: [
    text("cert-file", "", "Certificate shown to clients."),
    text("key-file", "", "Key of that certificate."),
    bool("client-cert-auth", "false", "Ask clients for a certificate."),
    text("client-cert-file", "", "Certificate for this member as a client of itself."),
    text("client-key-file", "", "Key of that certificate."),
    text("client-crl-file", "", "Certificates of clients that were revoked."),
    list("client-cert-allowed-hostname", "", "Names, one of which a client's certificate has."),
    text("trusted-ca-file", "", "Authorities that vouch for clients."),
    bool("auto-tls", "false", "Serve clients with a certificate made here."),
    text("peer-cert-file", "", "Certificate shown to members."),
    text("peer-key-file", "", "Key of that certificate."),
    bool("peer-client-cert-auth", "false", "Ask members for a certificate."),
    text("peer-client-cert-file", "", "Certificate for this member as a client of others."),
    text("peer-client-key-file", "", "Key of that certificate."),
    text("peer-trusted-ca-file", "", "Authorities that vouch for members."),
    list("peer-cert-allowed-cn", "", "Common names, one of which a member's certificate has."),
    list("peer-cert-allowed-hostname", "", "Names, one of which a member's certificate has."),
    bool("peer-auto-tls", "false", "Meet members with a certificate made here."),
    uint("self-signed-cert-validity", "1", "Years for which certificates made here are valid."),
    text("peer-crl-file", "", "Certificates of members that were revoked."),
    bool("peer-skip-client-san-verification", "false", "Members may come from any address.", {
      ...formerly("peer-skip-client-san-verification"),
    }),
    list("cipher-suites", "", "Cipher suites for clients and members, in order of preference."),
    text("tls-min-version", "TLS1.2", "Lowest version of TLS: TLS1.2 or TLS1.3."),
    text("tls-max-version", "", "Highest version of TLS: TLS1.2 or TLS1.3."),
    origins("cors", "*", "Origins of web pages that may call; '*' is all."),
    set("host-whitelist", "*", "Names under which this server may be called without TLS."),
  ],
};

export const AUTH_FLAGS: FlagGroup = {
  title: "Auth",
  flags: [
    text("auth-token", "simple", "Kind of the tokens and its options: 'simple' or 'jwt,...'."),
    uint("bcrypt-cost", "10", "How hard passwords are to try, from 4 to 31."),
    uint("auth-token-ttl", "300", "Seconds for which a simple token is good."),
  ],
};
