// The serial numbers of the certificates that a client sent, its own first.
//
// The runtime forgets the others once it is told of them, and asks itself at the end of each
// handshake. What it tells afterwards are issuers from the trusted files instead, which nobody sent.
// So it is asked just before that.
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

export class SentSerials {
  readonly #serials = new WeakMap<TLSSocket, string[]>();

  /** During the handshake, once or more often. */
  watch(socket: TLSSocket): void {
    if (this.#serials.has(socket)) return;
    const serials: string[] = [];
    this.#serials.set(socket, serials);
    socket.prependOnceListener("secure", () => {
      let each: X509Certificate | undefined = socket.getPeerX509Certificate();
      for (; each !== undefined; each = each.issuerCertificate) serials.push(each.serialNumber);
    });
  }

  /** Hexadecimal; empty where no certificate was sent, or nobody watched. */
  of(socket: TLSSocket): readonly string[] {
    return this.#serials.get(socket) ?? [];
  }
}
