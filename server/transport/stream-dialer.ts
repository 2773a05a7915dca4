// One stream that this member opens and a peer fills; opened again whenever it ends, at most every
// 100 ms. A peer that says nothing for 5 s is as good as gone: a live one sends heartbeats.
import type { ClientRequest, IncomingMessage } from "node:http";
import { hexId } from "../base/bytes.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { WireError } from "../proto/wire.ts";
import type { FrameDecoder, StreamKind } from "./frames.ts";
import { headerText } from "./identity.ts";
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
  readonly log: Log;
  readonly dialTls?: TlsDial | undefined;
  /** A fresh one for every connection. */
  readonly decoder: () => FrameDecoder;
  readonly connected: () => void;
  /** After `connected`; not when the dialer itself was stopped. */
  readonly disconnected: () => void;
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
      this.#again(undefined, "peer without address");
      return;
    }
    const request = openRequest(url, {
      method: "GET",
      path: `/raft/stream/${kind}/${hexId(localId)}`,
      headers: { ...headers, "X-Raft-To": hexId(peerId) },
      idleMs: readTimeoutMs,
      dialTls,
    });
    this.#request = request;
    const late = clock.after(dialTimeoutMs, () => request.destroy(new Error("dial timeout")));
    let hasAnswer = false;
    let isOver = false;
    const over = (problem: string) => {
      late();
      if (isOver) return;
      isOver = true;
      request.destroy();
      if (hasAnswer && !this.#isStopped) this.#options.disconnected();
      this.#again(url, problem);
    };
    request.on("timeout", () => over("read timeout"));
    request.on("error", (error) => over(error.message));
    request.on("close", () => over("connection closed"));
    request.on("response", (response) => {
      late();
      if (response.statusCode !== 200) {
        this.#refused(response, over);
        return;
      }
      hasAnswer = this.#read(response, over);
    });
    request.end();
  }

  /** False when the answer comes from another cluster. */
  #read(response: IncomingMessage, over: (problem: string) => void): boolean {
    const { decoder, received, unreadable, connected, headers } = this.#options;
    const cluster = headerText(response.headers, "x-etcd-cluster-id");
    if (cluster !== undefined && cluster !== headers["X-Etcd-Cluster-ID"]) {
      over("cluster ID mismatch");
      return false;
    }
    this.#lastProblem = "";
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

  #again(url: string | undefined, problem: string): void {
    const { urls, clock, log, kind, peerId } = this.#options;
    if (url !== undefined) urls.failed(url);
    if (this.#isStopped) return;
    if (problem !== this.#lastProblem) {
      this.#lastProblem = problem;
      const fields = { "stream-type": kind, "remote-peer-id": hexId(peerId), error: problem };
      log.warn("lost or could not open the stream of a peer", fields);
    }
    this.#redial = clock.after(REDIAL_MS, () => this.#dial());
  }
}
