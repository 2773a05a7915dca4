import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { TokenOptionsError } from "./token-options.ts";

interface KeyKind {
  readonly type: string;
  readonly curve?: string;
  /** As etcd's texts call it. */
  readonly name: string;
}

/** With shorter ones the library signs and verifies nothing. */
const RSA_BITS_MIN = 2048;
const RSA: KeyKind = { type: "rsa", name: "RSA" };

function ecdsa(curve: string): KeyKind {
  return { type: "ec", curve, name: "ECDSA" };
}

/** The kind of key that a signing method needs; undefined is a shared secret. */
const KEY_KINDS: Readonly<Record<string, KeyKind | undefined>> = {
  HS256: undefined,
  HS384: undefined,
  HS512: undefined,
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  PS256: RSA,
  PS384: RSA,
  PS512: RSA,
  ES256: ecdsa("prime256v1"),
  ES384: ecdsa("secp384r1"),
  ES512: ecdsa("secp521r1"),
  EdDSA: { type: "ed25519", name: "Ed25519" },
};

export interface JwtKeys {
  readonly method: string;
  /** Undefined: tokens are verified here and made elsewhere. */
  readonly signing: KeyObject | Uint8Array | undefined;
  readonly verifying: KeyObject | Uint8Array;
}

/**
 * @param publicKey @param privateKey contents of the files, undefined where none is given
 * @throws TokenOptionsError
 */
export function jwtKeys(
  method: string,
  publicKey: Buffer | undefined,
  privateKey: Buffer | undefined,
): JwtKeys {
  if (method === "none") {
    throw new TokenOptionsError("unsupported signing method: *jwt.signingMethodNone");
  }
  if (!Object.hasOwn(KEY_KINDS, method)) throw new TokenOptionsError("auth: invalid auth options");
  const wanted = KEY_KINDS[method];
  if (wanted === undefined) {
    if (isMissing(privateKey)) throw new TokenOptionsError("auth: missing key data");
    return { method, signing: privateKey, verifying: privateKey };
  }
  const parse = (pem: Buffer | undefined, read: (pem: Buffer) => KeyObject) =>
    isMissing(pem) ? undefined : keyOf(pem, read, wanted);
  const signing = parse(privateKey, createPrivateKey);
  const given = parse(publicKey, createPublicKey);
  if (signing === undefined) {
    if (given === undefined) throw new TokenOptionsError("auth: missing key data");
    return { method, signing, verifying: given };
  }
  const verifying = createPublicKey(signing);
  if (given !== undefined && !given.equals(verifying)) {
    throw new TokenOptionsError("auth: public and private keys don't match");
  }
  return { method, signing, verifying };
}

function isMissing(content: Buffer | undefined): content is undefined {
  return content === undefined || content.length === 0;
}

function keyOf(pem: Buffer, read: (pem: Buffer) => KeyObject, wanted: KeyKind): KeyObject {
  let key: KeyObject;
  try {
    key = read(pem);
  } catch {
    // What the library says may quote the file.
    throw new TokenOptionsError("invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key");
  }
  const { namedCurve: curve, modulusLength = RSA_BITS_MIN } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== wanted.type || curve !== wanted.curve) {
    throw new TokenOptionsError(`key is not a valid ${wanted.name} ${key.type} key`);
  }
  if (modulusLength < RSA_BITS_MIN) {
    throw new TokenOptionsError(
      `the RSA ${key.type} key has ${modulusLength} bits, and tokens need ${RSA_BITS_MIN} or more`,
    );
  }
  return key;
}
