// Server-sent events over fetch, because EventSource hides the status and text of a refusal and
// decides on its own when to give up. A stream goes on where it broke: the id of the last message
// is sent back as Last-Event-ID.
//
//   connecting ──▶ open ──▶ waiting ──▶ connecting …        refused: for good, until reopened

import { errorText, isPassing, RequestError, send } from "./request.ts";

/**
 * Heartbeats come every 15 s; a stream that is silent for longer than this is dead, or will not
 * begin: the console answers once etcd has, for which it gives it less.
 */
const SILENCE_MS = 40_000;
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 10_000;
/** Doublings of the first delay at least, after the console itself has ended the stream. */
const FAILURE_ATTEMPT_MIN = 2;
/** Longest line that is held while it is incomplete, in characters: a full change of 128 puts. */
const LINE_CHARACTERS_MAX = 512 * 1024 * 1024;

export interface StreamMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

export type StreamState =
  | { readonly phase: "connecting"; readonly attempt: number }
  | { readonly phase: "open" }
  | { readonly phase: "waiting"; readonly retryInMs: number; readonly reason: string }
  | { readonly phase: "refused"; readonly error: RequestError };

export interface StreamTarget {
  readonly path: string;
  /** Asked with each connection. */
  readonly query: () => Readonly<Record<string, string | undefined>>;
  /** Go on behind this id. */
  readonly lastId?: string | undefined;
}

export interface StreamSink {
  /** All messages that came in one piece. A throw ends the connection, and is tried ever later. */
  messages(batch: readonly StreamMessage[]): void;
  state(state: StreamState): void;
}

export interface EventStream {
  close(): void;
}

/** Splits text into messages, however the network cut it. */
export class StreamParser {
  #rest = "";
  #event = "";
  #id: string | undefined;
  #data: string[] = [];

  push(text: string): StreamMessage[] {
    const found: StreamMessage[] = [];
    const whole = this.#rest + text;
    let at = 0;
    for (;;) {
      const end = whole.indexOf("\n", at);
      if (end === -1) break;
      this.#line(whole.slice(at, whole[end - 1] === "\r" ? end - 1 : end), found);
      at = end + 1;
    }
    this.#rest = whole.slice(at);
    if (this.#rest.length > LINE_CHARACTERS_MAX)
      throw new RangeError("The stream's line is endless.");
    return found;
  }

  #line(line: string, found: StreamMessage[]): void {
    if (line === "") {
      if (this.#data.length > 0) {
        const event = this.#event === "" ? "message" : this.#event;
        found.push({ event, data: this.#data.join("\n"), id: this.#id });
      }
      this.#event = "";
      this.#id = undefined;
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id") this.#id = value;
  }
}

export function openStream(target: StreamTarget, sink: StreamSink): EventStream {
  let lastId = target.lastId;
  let attempt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let control = new AbortController();
  let isClosed = false;
  /** Something has come, and neither it nor its reader says that trying again is in vain. */
  let isSound = false;

  const connect = async () => {
    isSound = false;
    control = new AbortController();
    sink.state({ phase: "connecting", attempt });
    try {
      const response = await send(target.path, {
        query: target.query(),
        headers: {
          accept: "text/event-stream",
          ...(lastId === undefined ? {} : { "last-event-id": lastId }),
        },
        signal: control.signal,
        limitMs: SILENCE_MS,
      });
      sink.state({ phase: "open" });
      await readMessages(response, control, (batch) => {
        isSound = false;
        sink.messages(batch);
        lastId = batch.findLast((message) => message.id !== undefined)?.id ?? lastId;
        isSound = !batch.some(({ event }) => event === "failure");
        if (!isSound) attempt = Math.max(attempt, FAILURE_ATTEMPT_MIN);
      });
      retry("The stream ended.");
    } catch (error) {
      if (isClosed) return;
      if (error instanceof RequestError && !isPassing(error)) {
        sink.state({ phase: "refused", error });
      } else retry(errorText(error));
    }
  };
  const retry = (reason: string) => {
    if (isClosed) return;
    control.abort();
    if (isSound) attempt = 0;
    const ceiling = Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_LAST_MS);
    const retryInMs = Math.round(ceiling * (0.5 + Math.random() / 2));
    attempt += 1;
    sink.state({ phase: "waiting", retryInMs, reason });
    timer = setTimeout(() => void connect(), retryInMs);
  };
  void connect();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      control.abort();
    },
  };
}

function fallenSilent(): RequestError {
  return new RequestError("offline", "The stream has fallen silent.", 0);
}

async function readMessages(
  response: Response,
  control: AbortController,
  deliver: (batch: StreamMessage[]) => void,
): Promise<void> {
  if (response.body === null) throw new RequestError("bad-reply", "The stream is empty.", 200);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new StreamParser();
  for (;;) {
    const silence = setTimeout(() => control.abort(fallenSilent()), SILENCE_MS);
    const chunk = await reader.read().finally(() => clearTimeout(silence));
    if (chunk.done) return;
    const batch = parser.push(chunk.value);
    if (batch.length > 0) deliver(batch);
  }
}
