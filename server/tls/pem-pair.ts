const CERTIFICATE = "CERTIFICATE";
const BLOCK = /-----BEGIN ([^-\n]+)-----\s[^-]*-----END \1-----/g;

/** That these files are the right ones. @throws Error in Go's words, which say what they are instead */
export function checkPair(certificate: Buffer, key: Buffer): void {
  const found = blockTypes(certificate);
  if (!found.includes(CERTIFICATE)) throw new Error(certificateProblem(found));
  const inKey = blockTypes(key);
  if (!inKey.some(isKey)) throw new Error(keyProblem(inKey));
}

function blockTypes(pem: Buffer): string[] {
  return [...pem.toString("latin1").matchAll(BLOCK)].map(([, type = ""]) => type);
}

function isKey(type: string): boolean {
  return type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY");
}

function certificateProblem(found: readonly string[]): string {
  if (found.length === 0) return "tls: failed to find any PEM data in certificate input";
  if (found.length === 1 && found.every(isKey)) {
    return (
      "tls: failed to find certificate PEM data in certificate input, but did find a private key; " +
      "PEM inputs may have been switched"
    );
  }
  return (
    'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks ' +
    `of the following types: [${found.join(" ")}]`
  );
}

function keyProblem(found: readonly string[]): string {
  if (found.length === 0) return "tls: failed to find any PEM data in key input";
  if (found.length === 1 && found[0] === CERTIFICATE) {
    return "tls: found a certificate rather than a key in the PEM for the private key";
  }
  return (
    'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping ' +
    `PEM blocks of the following types: [${found.join(" ")}]`
  );
}
