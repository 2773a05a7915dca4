import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "next-auth/jwt";
import { type ConsoleState, consoleState } from "../../lib/console/console-state.ts";

const root = join(import.meta.dirname, "../..");
const ORIGIN = "http://console.test";

type Handler = (
  request: Request,
  context: { params: Promise<Record<string, string>> },
) => Promise<Response>;

export interface ApiCall {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The console's API without Next around it: a path finds its route handler. One per process. */
export class ConsoleApi {
  readonly state: ConsoleState;
  readonly #folder: string;
  readonly #cookie: string;
  readonly #sessionId: string;

  private constructor(state: ConsoleState, folder: string, cookie: string, sessionId: string) {
    this.state = state;
    this.#folder = folder;
    this.#cookie = cookie;
    this.#sessionId = sessionId;
  }

  static async start(endpoints: string): Promise<ConsoleApi> {
    const folder = mkdtempSync(join(tmpdir(), "quorate-api-"));
    process.env["QUORATE_DATA_DIR"] = folder;
    process.env["QUORATE_ENDPOINTS"] = endpoints;
    process.env["QUORATE_ADMIN_PASSWORD"] = "admin-password";
    const state = await consoleState();
    const sessionId = state.sessions.start("admin");
    const token = await encode({ token: { name: "admin", sid: sessionId }, secret: state.secret });
    const cookie = `quorate-${state.environment.port}.session=${token}`;
    return new ConsoleApi(state, folder, cookie, sessionId);
  }

  /** `path` below /api/clusters/local/. */
  async call(path: string, call: ApiCall = {}): Promise<Response> {
    const url = new URL(`/api/clusters/local/${path}`, ORIGIN);
    const { file, params } = routeOf(url.pathname);
    const module = (await import(join(root, file))) as Record<string, Handler | undefined>;
    const method = call.method ?? "GET";
    const handler = module[method];
    if (handler === undefined) throw new Error(`${file} has no ${method}`);
    const { body, signal } = call;
    const request = new Request(url, {
      method,
      headers: {
        host: "console.test",
        origin: ORIGIN,
        cookie: this.#cookie,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...call.headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    return handler(request, { params: Promise.resolve(params) });
  }

  endSession(): void {
    this.state.sessions.end(this.#sessionId);
  }

  async stop(): Promise<void> {
    this.state.connections.close();
    await this.state.store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function routeOf(pathname: string): { file: string; params: Record<string, string> } {
  const wanted = pathname.split("/").slice(1);
  for (const file of globSync("app/api/**/route.ts", { cwd: root })) {
    const pattern = file.split("/").slice(1, -1);
    if (pattern.length !== wanted.length) continue;
    const params: Record<string, string> = {};
    const fits = pattern.every((part, at) => {
      const name = /^\[(\w+)\]$/.exec(part)?.[1];
      if (name === undefined) return part === wanted[at];
      params[name] = decodeURIComponent(wanted[at] ?? "");
      return true;
    });
    if (fits) return { file, params };
  }
  throw new Error(`no route for ${pathname}`);
}

/** The messages of a server-sent stream, as they come. */
export async function* sseMessages(
  response: Response,
): AsyncGenerator<{ event: string; id: string | undefined; data: unknown }> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const lines = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const field = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data === undefined) continue;
      yield { event: field("event") ?? "", id: field("id"), data: JSON.parse(data) as unknown };
    }
  }
}
