// What etcd asks of a client's certificate once the handshake is over and it is known to be genuine.
import { lookup, reverse } from "node:dns/promises";
import type { TLSSocket } from "node:tls";
import { type CertificateNames, canonicalAddress, mismatch, namesOf } from "./certificate-names.ts";
import type { Credentials } from "./credentials.ts";
import { serialOf } from "./revocations.ts";
import { quotedList } from "./tls-profile.ts";

/** How names and addresses are told from each other. Both may reject like `node:dns`. */
export interface NameLookups {
  /** Of an address without brackets. */
  namesOf(address: string): Promise<readonly string[]>;
  addressesOf(name: string): Promise<readonly string[]>;
}

export const SYSTEM_LOOKUPS: NameLookups = {
  namesOf: reverse,
  addressesOf: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
};

/**
 * Resolves when the connection may go on; one without a certificate may.
 * @param sentSerials of all certificates that came with the handshake
 * @param lookups by which it must come from where its certificate says; absent: from anywhere
 * @throws Error in etcd's words; nothing may be said to such a client
 */
export async function checkClient(
  socket: TLSSocket,
  credentials: Credentials,
  sentSerials: readonly string[],
  lookups: NameLookups | undefined,
): Promise<void> {
  const certificate = socket.getPeerCertificate();
  if (certificate === null || certificate.raw === undefined) return;
  const names = namesOf(certificate);
  if (lookups !== undefined && !credentials.profile.skipClientSanVerify) {
    await checkAddress(names, bareAddress(socket.remoteAddress ?? ""), lookups);
  }
  checkRevocation([certificate.serialNumber, ...sentSerials], credentials.revoked);
}

/** As it is asked for and told: without brackets, zone, and what marks an IPv4 address as such. */
function bareAddress(address: string): string {
  return (canonicalAddress(address) ?? "").replace(/^\[(.*)\]$/, "$1");
}

/** By the numbers alone, as in etcd, whoever has issued the list. */
function checkRevocation(sent: readonly string[], revoked: ReadonlySet<string> | undefined): void {
  const found = sent.map(serialOf).find((serial) => revoked?.has(serial));
  if (found === undefined) return;
  const bytes = found.padStart(found.length + (found.length % 2), "0");
  throw new Error(`transport: certificate serial ${bytes} revoked`);
}

/** Either the address is in the certificate, or it belongs to a name that is. */
async function checkAddress(
  names: CertificateNames,
  address: string,
  lookups: NameLookups,
): Promise<void> {
  const { dnsNames, ipAddresses } = names;
  if (ipAddresses.length > 0) {
    const problem = mismatch(names, address);
    if (problem === undefined) return;
    if (dnsNames.length === 0) throw new Error(problem);
  }
  if (dnsNames.length === 0) return;
  const [isKnownBack, backError] = await resolves(() => isNamedBack(address, dnsNames, lookups));
  if (isKnownBack) return;
  const [isKnown, error] = await resolves(() => isNamed(address, dnsNames, lookups));
  if (isKnown) return;
  const reason = error ?? backError;
  throw new Error(
    `tls: "${address}" does not match any of DNSNames ${quotedList(dnsNames)}` +
      (reason === undefined ? "" : ` (${reason})`),
  );
}

async function resolves(ask: () => Promise<boolean>): Promise<[boolean, string | undefined]> {
  try {
    return [await ask(), undefined];
  } catch (error) {
    return [false, error instanceof Error ? error.message : String(error)];
  }
}

async function isNamedBack(
  address: string,
  dnsNames: readonly string[],
  lookups: NameLookups,
): Promise<boolean> {
  const found = (await lookups.namesOf(address)).map((name) => name.replace(/\.$/, ""));
  return found.some((name) =>
    dnsNames.some((wanted) =>
      wanted.startsWith("*.") ? name.endsWith(wanted.slice(1)) : name === wanted,
    ),
  );
}

/** One name that resolves to the address is enough, whatever becomes of the others. */
async function isNamed(
  address: string,
  dnsNames: readonly string[],
  lookups: NameLookups,
): Promise<boolean> {
  let problem: unknown;
  for (const name of dnsNames.filter((each) => !each.startsWith("*."))) {
    try {
      const found = await lookups.addressesOf(name);
      if (found.some((each) => bareAddress(each) === address)) return true;
    } catch (error) {
      problem = error;
    }
  }
  if (problem !== undefined) throw problem;
  return false;
}
