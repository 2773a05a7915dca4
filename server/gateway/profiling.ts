import { Session } from "node:inspector/promises";
import type { Clock } from "../base/clock.ts";
import { plain, plainError, type Reply } from "./reply.ts";

export const PROFILES_PREFIX = "/debug/pprof/";
const CPU_SECONDS = 30;
const CPU_SECONDS_MAX = 300;
/** Between two samples of what is allocated: V8's own default. */
const HEAP_SAMPLE_BYTES = 32 * 1024;
/** Profiles that only Go's runtime has. */
const FOREIGN = new Set("allocs block goroutine mutex symbol threadcreate trace".split(" "));
const INDEX = `<html><head><title>/debug/pprof/</title></head><body>
/debug/pprof/
<ul>
<li><a href='cmdline'>cmdline</a>: the command line of this process</li>
<li><a href='heap'>heap</a>: live memory by what allocated it, sampled since the start: a .heapprofile</li>
<li><a href='profile?seconds=30'>profile</a>: where time goes in so many seconds: a .cpuprofile</li>
</ul>
<p>Both profiles are V8's: Chromium's developer tools and speedscope read them.</p>
</body></html>
`;

/** What this process does, as V8 can tell it, at the paths where Go's programs show it. */
export class Profiling {
  readonly #clock: Clock;
  readonly #session = new Session();
  #isConnected = false;
  #isMeasuring = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#session.connect();
    this.#isConnected = true;
    await this.#session.post("Profiler.enable");
    await this.#session.post("HeapProfiler.enable");
    const options = { samplingInterval: HEAP_SAMPLE_BYTES };
    await this.#session.post("HeapProfiler.startSampling", options);
  }

  stop(): void {
    if (this.#isConnected) this.#session.disconnect();
    this.#isConnected = false;
  }

  /** Undefined for paths that are none of it. */
  async answer(path: string, query: URLSearchParams): Promise<Reply | undefined> {
    if (!path.startsWith(PROFILES_PREFIX)) return undefined;
    const name = path.slice(PROFILES_PREFIX.length);
    if (name === "") {
      return { status: 200, headers: { "Content-Type": "text/html; charset=utf-8" }, body: INDEX };
    }
    if (name === "cmdline") return plain(200, process.argv.join("\u0000"));
    if (name === "heap") return this.#heap();
    if (name === "profile") return this.#cpu(query.get("seconds"));
    if (FOREIGN.has(name)) return plainError(501, `${name} is a profile of Go's runtime alone`);
    return plainError(404, "Unknown profile");
  }

  async #heap(): Promise<Reply> {
    const { profile } = await this.#session.post("HeapProfiler.getSamplingProfile");
    return attachment("heap.heapprofile", profile);
  }

  async #cpu(given: string | null): Promise<Reply> {
    const asked = Number(given ?? 0);
    const seconds = asked > 0 ? Math.min(asked, CPU_SECONDS_MAX) : CPU_SECONDS;
    if (this.#isMeasuring) {
      return plainError(500, "Could not enable CPU profiling: cpu profiling already in use");
    }
    this.#isMeasuring = true;
    try {
      await this.#session.post("Profiler.start");
      await new Promise<void>((resolve) => void this.#clock.after(seconds * 1000, resolve));
      const { profile } = await this.#session.post("Profiler.stop");
      return attachment("profile.cpuprofile", profile);
    } finally {
      this.#isMeasuring = false;
    }
  }
}

function attachment(name: string, value: unknown): Reply {
  const headers = {
    "Content-Type": "application/json",
    "Content-Disposition": `attachment; filename="${name}"`,
  };
  return { status: 200, headers, body: JSON.stringify(value) };
}
