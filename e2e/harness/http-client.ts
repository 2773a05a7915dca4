import { type IncomingHttpHeaders, request } from "node:http";

export interface HttpAsk {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** The connection is cut when so many lines of the answer have come. */
  readonly lines?: number;
  /** Where it comes from; any address of this machine. */
  readonly localAddress?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const LIMIT_MS = 20_000;

/** One request on a connection of its own, sent as it stands: no redirects, any method. */
export function ask(
  url: string,
  { path, lines, body, localAddress, ...rest }: HttpAsk,
): Promise<HttpAnswer> {
  const { hostname, port } = new URL(url);
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  const headers = { ...(body === undefined ? {} : { "Content-Length": length }), ...rest.headers };
  const method = rest.method ?? (body === undefined ? "GET" : "POST");
  const options = { hostname, port, path, method, headers, localAddress, agent: false };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      const done = () => {
        const { statusCode = 0, headers: received } = response;
        resolve({ status: statusCode, headers: received, body: Buffer.concat(chunks).toString() });
      };
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (lines === undefined) return;
        if (Buffer.concat(chunks).toString().split("\n").length <= lines) return;
        done();
        sent.destroy();
      });
      response.on("end", done);
      response.on("error", reject);
    });
    sent.setTimeout(LIMIT_MS, () => sent.destroy(new Error(`${method} ${path}: no answer`)));
    sent.on("error", reject);
    sent.end(body);
  });
}
