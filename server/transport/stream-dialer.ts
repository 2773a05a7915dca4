// One stream that this member opens and a peer fills; opened again whenever it ends, at most every
// 100 ms. A peer that says nothing for 5 s is as good as gone: a live one sends heartbeats.
import type { ClientRequest, IncomingMessage } from "node:http";
import { AwakeTimeout } from "../base/awake-timeout.ts";
import { hexId } from "../base/bytes.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { WireError } from "../proto/wire.ts";
import type { FrameDecoder, StreamKind } from "./frames.ts";
import { headerText } from "./identity.ts";
import type { PeerLines } from "./peer-lines.ts";
import { openRequest, readBody } from "./peer-request.ts";
import type { PeerUrls } from "./peer-urls.ts";
import type { TlsDial } from "./tls.ts";

const REDIAL_MS = 100;
const REFUSAL_BYTES_MAX = 4096;
const GONE = 410;

export interface DialerOptions {
  readonly kind: StreamKind;
  readonly localId: bigint;
  readonly peerId: bigint;
  readonly headers: Readonly<Record<string, string>>;
  readonly urls: PeerUrls;
  readonly dialTimeoutMs: number;
  /** A peer that is silent for so long loses the stream. */
  readonly readTimeoutMs: number;
  readonly clock: Clock;
  readonly lines: Pick<PeerLines, "readerOpened" | "readerLost" | "readerNotOpened">;
  readonly dialTls?: TlsDial | undefined;
  /** A fresh one for every connection. */
  readonly decoder: () => FrameDecoder;
  readonly connected: () => void;
  /** After `connected`; not when the dialer itself was stopped. */
  readonly disconnected: (problem: string) => void;
  readonly received: (byteCount: number) => void;
  /** What came is no frame. */
  readonly unreadable: () => void;
  /** The peer says that this member is gone for good. */
  readonly removed: () => void;
}

export class StreamDialer {
  readonly #options: DialerOptions;
  #request: ClientRequest | undefined;
  #redial: Cancel | undefined;
  #isStopped = false;
  #lastProblem = "";

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#dial();
  }

  stop(): void {
    this.#isStopped = true;
    this.#redial?.();
    this.#request?.destroy();
  }

  #dial(): void {
    const { kind, localId, peerId, headers, urls, clock, dialTls } = this.#options;
    const { dialTimeoutMs, readTimeoutMs } = this.#options;
    const url = urls.pick();
    if (url === undefined) {
      this.#again(undefined, "peer without address", false);
      return;
    }
    const request = openRequest(url, {
      method: "GET",
      path: `/raft/stream/${kind}/${hexId(localId)}`,
      headers: { ...headers, "X-Raft-To": hexId(peerId) },
      dialTls,
    });
    this.#request = request;
    let patience = new AwakeTimeout(clock, dialTimeoutMs, () => over("dial timeout"));
    let hasAnswer = false;
    let isOver = false;
    const over = (problem: string) => {
      patience.cancel();
      if (isOver) return;
      isOver = true;
      request.destroy();
      if (hasAnswer && !this.#isStopped) {
        this.#options.lines.readerLost(kind, problem);
        this.#options.disconnected(problem);
      }
      this.#again(url, problem, hasAnswer);
    };
    request.on("error", (error) => over(error.message));
    request.on("close", () => over("connection closed"));
    request.on("response", (response) => {
      patience.cancel();
      if (isOver) return;
      patience = new AwakeTimeout(clock, readTimeoutMs, () => over("read timeout"));
      if (response.statusCode !== 200) {
        this.#refused(response, over);
        return;
      }
      response.on("data", () => patience.renew());
      hasAnswer = this.#read(response, over);
    });
    request.end();
  }

  /** False when the answer comes from another cluster. */
  #read(response: IncomingMessage, over: (problem: string) => void): boolean {
    const { kind, lines, decoder, received, unreadable, connected, headers } = this.#options;
    const cluster = headerText(response.headers, "x-etcd-cluster-id");
    if (cluster !== undefined && cluster !== headers["X-Etcd-Cluster-ID"]) {
      over("cluster ID mismatch");
      return false;
    }
    this.#lastProblem = "";
    lines.readerOpened(kind);
    connected();
    const frames = decoder();
    response.on("data", (chunk: Buffer) => {
      received(chunk.length);
      try {
        frames.push(chunk);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        unreadable();
        over(error.message);
      }
    });
    response.on("error", (error) => over(error.message));
    response.on("end", () => over("stream ended"));
    return true;
  }

  #refused(response: IncomingMessage, over: (problem: string) => void): void {
    const status = response.statusCode ?? 0;
    if (status === GONE) this.#options.removed();
    readBody(response, REFUSAL_BYTES_MAX).then(
      (body) => over(`${status} ${body.toString().trim()}`),
      () => over(String(status)),
    );
  }

  /** @param wasOpen then its end is told already */
  #again(url: string | undefined, problem: string, wasOpen: boolean): void {
    const { urls, clock, lines, kind } = this.#options;
    if (url !== undefined) urls.failed(url);
    if (this.#isStopped) return;
    if (!wasOpen && problem !== this.#lastProblem) {
      this.#lastProblem = problem;
      lines.readerNotOpened(kind, problem);
    }
    this.#redial = clock.after(REDIAL_MS, () => this.#dial());
  }
}
