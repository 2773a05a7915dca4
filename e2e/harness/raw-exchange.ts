import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

const LIMIT_MS = 20_000;
const AT_ONCE = 50;

export interface Saying {
  /** Nothing comes behind it, and the other side is told so. */
  readonly isLast?: boolean;
  /** Of what is heard; more is not waited for. */
  readonly isEnough?: (heard: Buffer) => boolean;
}

/**
 * Says it on a connection of its own. Resolves with what is heard until it is enough or the other
 * side has closed; rejects when neither comes to be.
 */
export function exchange(
  url: string,
  bytes: Buffer | string,
  { isLast = false, isEnough = () => false }: Saying = {},
): Promise<Buffer> {
  const { protocol, hostname: host, port } = new URL(url);
  const where = { host, port: Number(port), rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const socket = protocol === "https:" ? connectTls(where) : connect(where);
    let heard: Buffer = Buffer.alloc(0);
    socket.setTimeout(LIMIT_MS, () => {
      reject(new Error(`neither closed nor answered: ${bytes.toString("latin1").slice(0, 200)}`));
      socket.destroy();
    });
    // How it ends is told by the close that follows.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (isEnough(heard)) socket.destroy();
    });
    socket.on("close", () => resolve(heard));
    if (isLast) socket.end(bytes);
    else socket.write(bytes);
  });
}

/** The same for each of them, a few at once. */
export async function exchanges(
  url: string,
  inputs: readonly (Buffer | string)[],
  saying: Saying = {},
): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for (let at = 0; at < inputs.length; at += AT_ONCE) {
    const some = inputs.slice(at, at + AT_ONCE).map((input) => exchange(url, input, saying));
    all.push(...(await Promise.all(some)));
  }
  return all;
}

/** Of an answer of HTTP/1; undefined when there was none. */
export function statusOf(heard: Buffer): number | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(heard.toString("latin1"))?.[1];
  return status === undefined ? undefined : Number(status);
}
