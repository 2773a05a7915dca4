import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { ask } from "./http-client.ts";

/** What a generated service definition says of one method. */
export interface RawMethod {
  readonly name: string;
  readonly requestType: {
    fromPartial(partial: object): unknown;
    encode(message: never): { finish(): Uint8Array };
  };
  readonly requestStream: boolean;
  readonly responseType: { decode(bytes: Uint8Array): unknown };
  readonly responseStream: boolean;
}

export interface RawCall {
  readonly service: string;
  readonly method: RawMethod;
  readonly request: object;
  readonly token: string | undefined;
  readonly deadlineMs: number;
}

/** How a call ended; of a stream only the first answer counts. */
export type RawOutcome =
  | { readonly answer: unknown }
  | { readonly status: number; readonly text: string };

/** Any call of any service, with or without a token. */
export class RawCaller {
  readonly #url: string;
  readonly #client: Client;

  constructor(url: string) {
    this.#url = url;
    this.#client = new Client(new URL(url).host, credentials.createInsecure());
  }

  grpc({ service, method, request, token, deadlineMs }: RawCall): Promise<RawOutcome> {
    const path = `/${service}/${method.name}`;
    const metadata = new Metadata();
    if (token !== undefined) metadata.set("token", token);
    const options = { deadline: Date.now() + deadlineMs };
    const { requestType, responseType } = method;
    const bytes = Buffer.from(
      requestType.encode(requestType.fromPartial(request) as never).finish(),
    );
    const same = (buffer: Buffer) => buffer;
    return new Promise((resolve) => {
      const answered = (answer: Buffer) => resolve({ answer: responseType.decode(answer) });
      const failed = ({ code, details }: { code: number; details: string }) =>
        resolve({ status: code, text: details });
      if (!method.responseStream) {
        const done = (error: { code: number; details: string } | null, answer?: Buffer) => {
          if (error === null && answer !== undefined) answered(answer);
          else failed(error ?? { code: -1, details: "no answer" });
        };
        this.#client.makeUnaryRequest(path, same, same, bytes, metadata, options, done);
        return;
      }
      const bidi = () => {
        const opened = this.#client.makeBidiStreamRequest(path, same, same, metadata, options);
        opened.write(bytes);
        return opened;
      };
      const stream = method.requestStream
        ? bidi()
        : this.#client.makeServerStreamRequest(path, same, same, bytes, metadata, options);
      stream.on("data", (answer: Buffer) => {
        answered(answer);
        stream.cancel();
      });
      stream.on("error", (error) => failed(error as unknown as { code: number; details: string }));
      stream.on("end", () => failed({ code: 0, details: "no answer" }));
    });
  }

  /** The same through the JSON gateway; the status is HTTP's. */
  async json(path: string, { request, token, method, deadlineMs }: RawCall): Promise<RawOutcome> {
    const headers: Record<string, string> = {
      "Content-Type": "application/json",
      "Grpc-Timeout": `${deadlineMs}m`,
    };
    if (token !== undefined) headers["Authorization"] = token;
    const lines = method.responseStream ? { lines: 1 } : {};
    const body = JSON.stringify(jsonOf(request));
    const answer = await ask(this.#url, { path, headers, body, ...lines });
    if (answer.body === "") return { status: answer.status, text: "no answer" };
    const isJson = answer.headers["content-type"]?.startsWith("application/json") ?? false;
    if (!isJson) return { status: answer.status, text: answer.body };
    const first = JSON.parse(answer.body.split("\n")[0] ?? "") as {
      message?: string;
      error?: { message?: string };
      result?: unknown;
    };
    const text = first.message ?? first.error?.message;
    if (text !== undefined) return { status: answer.status, text };
    return { answer: first.result ?? first };
  }

  close(): void {
    this.#client.close();
  }
}

/** As protobuf's JSON form has it: bytes in base64, large numbers as text. */
function jsonOf(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, jsonOf(each)]));
}
