import type { MemberProcess } from "./member-process.ts";

const INSPECTOR = /Debugger listening on (ws:\S+)/;
/** Each collection may free what the next one finds: weak references, finalizers. */
const COLLECTIONS = 3;

interface Reply {
  readonly id: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
  readonly error?: unknown;
}

/** What a member of ours holds once its garbage is gone, asked of its runtime as a debugger does. */
export class LiveMemory {
  readonly #socket: WebSocket;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Once in a member's life. */
  static async open(member: MemberProcess): Promise<LiveMemory> {
    member.kill("SIGUSR1");
    await member.wrote(INSPECTOR);
    const url = INSPECTOR.exec(member.output)?.[1] ?? "";
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error(`nobody listens at ${url}`)));
    });
    return new LiveMemory(socket);
  }

  close(): void {
    this.#socket.close();
  }

  /** Of the heap and of buffers beside it. */
  async bytes(): Promise<number> {
    for (let round = 0; round < COLLECTIONS; round++) {
      await this.#post("HeapProfiler.collectGarbage", {});
    }
    const expression = "(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())";
    const value = await this.#post("Runtime.evaluate", { expression });
    if (typeof value !== "number") throw new TypeError("a debugger was not told a number");
    return value;
  }

  async #post(method: string, params: object): Promise<unknown> {
    const id = ++this.#lastId;
    const reply = new Promise<Reply>((resolve, reject) => {
      const over = new AbortController();
      const { signal } = over;
      const take = ({ data }: MessageEvent<string>) => {
        const message = JSON.parse(data) as Reply;
        if (message.id !== id) return;
        over.abort();
        resolve(message);
      };
      this.#socket.addEventListener("message", take, { signal });
      const gone = () => reject(new Error(`no answer to ${method}`));
      this.#socket.addEventListener("close", gone, { signal });
    });
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await reply;
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return result?.result?.value;
  }
}
