import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { addressOf } from "../config/urls.ts";
import type { Config, TlsSettings } from "../config.ts";
import { parseAuthorities } from "../tls/authorities.ts";
import { cipherList, http2Problem } from "../tls/cipher-suites.ts";
import { Credentials } from "../tls/credentials.ts";
import { readWhole } from "../tls/reloaded-files.ts";
import { TlsAcceptor } from "../tls/tls-acceptor.ts";
import { TlsDialer } from "../tls/tls-dialer.ts";
import type { TlsProfile, TlsTerms } from "../tls/tls-profile.ts";
import type { TransportTls } from "../transport/tls.ts";
import { connectionPlaces } from "./connection-places.ts";
import { SecurityError } from "./security-error.ts";

const SECURE = /^(https|unixs):/;

/** By what is served behind them. */
export interface ClientHandshakes {
  /** gRPC and HTTP. */
  readonly all: TlsAcceptor;
  readonly http: TlsAcceptor;
  readonly metrics: TlsAcceptor;
}

export interface PeerSecurity extends TransportTls {
  /** From now on whoever is dialed must be called so, wherever it is. */
  readonly expectName: (name: string) => void;
}

/** What stands before the connections of clients and of members. */
export interface Security {
  /** Absent where there is no certificate to show. */
  readonly client: ClientHandshakes | undefined;
  readonly peer: PeerSecurity;
}

async function underHeadline<T>(headline: string, attempt: () => T | Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    throw new SecurityError(headline, error);
  }
}

/**
 * Reads the certificates that the configuration names, or makes those that it asks for.
 * @throws Error with etcd's text when a member could not serve with them; SecurityError where etcd
 *   finds that under other words than those of every failed start
 */
export async function openSecurity(config: Config, clock: Clock, log: Log): Promise<Security> {
  const peer = await peerSecurity(config, clock, log);
  const client = await clientSecurity(config, clock, log);
  return { client, peer };
}

async function peerSecurity(config: Config, clock: Clock, log: Log): Promise<PeerSecurity> {
  const { listenPeerUrls: urls } = config;
  const terms = termsOf(config);
  const profile = await profileOf(config, "peer", urls, clock, log);
  const credentials = credentialsOf(profile, terms);
  if (credentials !== undefined) {
    log.info("starting with peer TLS", tlsInfo(profile, config));
  } else if (profile.trustedCaFile !== "") {
    // For dialing it is read whatever the scheme of the own addresses.
    parseAuthorities(readWhole(profile.trustedCaFile));
  }
  for (const url of urls) {
    if (SECURE.test(url)) {
      if (credentials !== undefined) continue;
      const address = url.slice(url.indexOf("://") + 3);
      throw new Error(
        `cannot listen on TLS for ${address}: KeyFile and CertFile are not presented`,
      );
    }
    warnOfPlain(profile, "scheme is HTTP", "--peer-client-cert-auth", { "peer-url": url }, log);
  }
  const dialer = new TlsDialer({ log, profile, terms, credentials });
  const acceptor =
    credentials &&
    new TlsAcceptor({
      clock,
      log,
      credentials,
      side: "peer",
      checksAddress: true,
      protocols: ["http/1.1"],
      pendingMax: connectionPlaces().handshakes,
    });
  return { dial: dialer.dial, expectName: dialer.expectName, acceptor };
}

async function clientSecurity(
  config: Config,
  clock: Clock,
  log: Log,
): Promise<ClientHandshakes | undefined> {
  const urls = [...config.listenClientUrls, ...config.listenClientHttpUrls];
  const profile = await profileOf(config, "client", urls, clock, log);
  for (const url of urls) {
    if (!SECURE.test(url)) {
      const field = { "client-url": url };
      warnOfPlain(profile, "scheme is http or unix", "--client-cert-auth", field, log);
    } else if (isEmpty(profile)) {
      throw new Error(
        "TLS key/cert (--cert-file, --key-file) must be provided for client url " +
          `${url} with HTTPS scheme`,
      );
    }
  }
  if (isEmpty(profile) && config.listenMetricsUrls.some((url) => SECURE.test(url))) {
    throw new Error(
      "client TLS key/cert (--cert-file, --key-file) must be provided for metrics secure url",
    );
  }
  const terms = termsOf(config);
  // Before anything else, as etcd finds it for both sides alike.
  cipherList(terms.cipherSuites);
  const served = [config.listenClientUrls, config.listenClientHttpUrls, config.listenMetricsUrls];
  // Files that nobody asks for may be missing or unreadable.
  if (!served.flat().some((url) => SECURE.test(url))) {
    if (!isEmpty(profile)) log.info("starting with client TLS", tlsInfo(profile, config));
    return undefined;
  }
  const credentials = await underHeadline("listener failed", () => {
    const found = credentialsOf(profile, terms);
    const problem = found && http2Problem(terms.cipherSuites);
    if (problem !== undefined) throw new Error(problem);
    return found;
  });
  if (credentials === undefined) return undefined;
  log.info("starting with client TLS", tlsInfo(profile, config));
  const { handshakes: pendingMax } = connectionPlaces();
  const common = { clock, log, credentials, side: "client", pendingMax } as const;
  const http = { ...common, protocols: ["http/1.1"] };
  return {
    all: new TlsAcceptor({ ...common, checksAddress: false, protocols: ["h2", "http/1.1"] }),
    http: new TlsAcceptor({ ...http, checksAddress: false }),
    metrics: new TlsAcceptor({ ...http, checksAddress: true }),
  };
}

/** As configured, or that of a pair of its own. */
async function profileOf(
  config: Config,
  side: "client" | "peer",
  urls: readonly string[],
  clock: Clock,
  log: Log,
): Promise<TlsProfile> {
  const { autoTls, ...given } = side === "client" ? config.clientTls : config.peerTls;
  const profile = { ...given, isSelfSigned: false };
  if (!autoTls) return profile;
  if (!isEmpty(profile)) {
    log.warn(`ignoring ${side} auto TLS since certs given`);
    return profile;
  }
  // Loaded only when it is needed: it takes a quarter of a second.
  const { selfSignedProfile } = await import("../tls/self-signed.ts");
  const plan = {
    folder: join(config.dataDir, "fixtures", side),
    hosts: urls.map((url) => addressOf(url).host),
    validityYears: config.selfSignedCertValidityYears,
  };
  return underHeadline(`failed to get ${side} self-signed certs`, () =>
    selfSignedProfile(plan, clock, log),
  );
}

function isEmpty({ certFile, keyFile }: Pick<TlsSettings, "certFile" | "keyFile">): boolean {
  return certFile === "" && keyFile === "";
}

function credentialsOf(profile: TlsProfile, terms: TlsTerms): Credentials | undefined {
  return isEmpty(profile) ? undefined : new Credentials(profile, terms);
}

function termsOf({ cipherSuites, tlsMinVersion, tlsMaxVersion }: Config): TlsTerms {
  return {
    cipherSuites,
    minVersion: tlsMinVersion === "TLS1.3" ? "TLSv1.3" : "TLSv1.2",
    maxVersion: tlsMaxVersion === "TLS1.2" ? "TLSv1.2" : "TLSv1.3",
  };
}

function tlsInfo(profile: TlsProfile, { cipherSuites }: Config) {
  const { certFile, keyFile, clientCertFile, clientKeyFile } = profile;
  const { trustedCaFile, clientCertAuth, crlFile } = profile;
  const parts = [
    `cert = ${certFile}`,
    `key = ${keyFile}`,
    `client-cert=${clientCertFile}`,
    `client-key=${clientKeyFile}`,
    `trusted-ca = ${trustedCaFile}`,
    `client-cert-auth = ${clientCertAuth}`,
    `crl-file = ${crlFile}`,
  ];
  return { "tls-info": parts.join(", "), "cipher-suites": cipherSuites };
}

function warnOfPlain(
  profile: TlsProfile,
  scheme: string,
  flag: string,
  field: Readonly<Record<string, string>>,
  log: Log,
): void {
  if (!isEmpty(profile)) {
    const message = "while key and cert files are present; ignoring key and cert files";
    log.warn(`${scheme} ${message}`, field);
  }
  if (profile.clientCertAuth) {
    log.warn(`${scheme} while ${flag} is enabled; ignoring client cert auth for this URL`, field);
  }
}
