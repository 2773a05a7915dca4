// Why a client's certificate is refused, told to the client itself.
//
// The runtime lets every handshake finish and says afterwards whether the certificate can be
// verified; it sends no alert then. But in TLS 1.3 the client still waits for the server's first
// record of the connection proper, and that can be the alert: "unknown certificate authority" helps
// whoever runs the client, a mere end does not. The record is sealed as RFC 8446 says in 5.2 and 7.3,
// with the secret that the runtime tells those who log keys.
//
// It is the first record under that secret only within the event `secureConnection`: afterwards the
// runtime sends its session tickets. Behind it the connection is only ended.
import { createCipheriv, createHmac } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

export const Alert = {
  BAD_CERTIFICATE: 42,
  CERTIFICATE_EXPIRED: 45,
  UNKNOWN_CA: 48,
  CERTIFICATE_REQUIRED: 116,
} as const;
export type Alert = (typeof Alert)[keyof typeof Alert];

const SECRET = /^SERVER_TRAFFIC_SECRET_0 [0-9a-f]+ ([0-9a-f]+)\n?$/;
const FATAL = 2;
const ALERT_RECORD = 0x15;
const TAG_BYTES = 16;
const IV_BYTES = 12;
/** Head of a record that holds a level, an alert, the inner type and the tag. */
const HEAD: Buffer = Buffer.from([0x17, 0x03, 0x03, 0, 3 + TAG_BYTES]);

interface Suite {
  readonly cipher: "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305";
  readonly keyBytes: number;
  readonly hash: "sha256" | "sha384";
}

const SUITES: ReadonlyMap<string, Suite> = new Map([
  ["TLS_AES_128_GCM_SHA256", { cipher: "aes-128-gcm", keyBytes: 16, hash: "sha256" }],
  ["TLS_AES_256_GCM_SHA384", { cipher: "aes-256-gcm", keyBytes: 32, hash: "sha384" }],
  ["TLS_CHACHA20_POLY1305_SHA256", { cipher: "chacha20-poly1305", keyBytes: 32, hash: "sha256" }],
]);

export class RefusalAlerts {
  /** Of handshakes under way; no longer than these. */
  readonly #secrets = new WeakMap<TLSSocket, Buffer>();

  /** One line for those who log keys. */
  note(line: Buffer, socket: TLSSocket): void {
    const secret = SECRET.exec(line.toString("latin1"))?.[1];
    if (secret !== undefined) this.#secrets.set(socket, Buffer.from(secret, "hex"));
  }

  /** The certificate is accepted, or the alert is out: the secret is of no more use. */
  forget(socket: TLSSocket): void {
    this.#secrets.get(socket)?.fill(0);
    this.#secrets.delete(socket);
  }

  /**
   * To be called within `secureConnection`. Sends nothing in TLS 1.2, where it is too late for an alert.
   * @param raw what the encrypted connection runs over
   */
  send(alert: Alert, socket: TLSSocket, raw: Socket): void {
    const secret = this.#secrets.get(socket);
    const suite = SUITES.get(socket.getCipher().name);
    if (secret === undefined || suite === undefined) return;
    raw.write(sealedAlert(alert, secret, suite));
    this.forget(socket);
  }
}

function sealedAlert(alert: Alert, secret: Buffer, { cipher, keyBytes, hash }: Suite): Buffer {
  const key = expandLabel(secret, "key", keyBytes, hash);
  // The first record's number is 0, so the nonce is the initial one.
  const nonce = expandLabel(secret, "iv", IV_BYTES, hash);
  const sealing =
    cipher === "chacha20-poly1305"
      ? createCipheriv(cipher, key, nonce, { authTagLength: TAG_BYTES })
      : createCipheriv(cipher, key, nonce);
  sealing.setAAD(HEAD, { plaintextLength: 3 });
  const sealed = sealing.update(Buffer.from([FATAL, alert, ALERT_RECORD]));
  return Buffer.concat([HEAD, sealed, sealing.final(), sealing.getAuthTag()]);
}

/** HKDF-Expand-Label with an empty context; one block of the hash is always enough here. */
function expandLabel(secret: Buffer, label: string, length: number, hash: string): Buffer {
  const name = Buffer.from(`tls13 ${label}`, "latin1");
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}
