import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterProcess, type Make } from "./member-process.ts";
import { QuorateProcess } from "./quorate-process.ts";

const MEMBERS = 3;
/** For members whose leader is not to change though the machine is busy with browsers. */
const STEADY = ["--heartbeat-interval=500", "--election-timeout=5000"];

/** A console and the cluster that it shows: ours as `npm start` makes it, or Debian's etcd. */
export class Installation {
  readonly #console: QuorateProcess;
  readonly #cluster: ClusterProcess | undefined;

  private constructor(console: QuorateProcess, cluster: ClusterProcess | undefined) {
    this.#console = console;
    this.#cluster = cluster;
  }

  static async start(make: Make): Promise<Installation> {
    if (make !== "quorate") return Installation.over(make, STEADY);
    return new Installation(await QuorateProcess.start({ members: MEMBERS }), undefined);
  }

  /** With members that nobody starts again when they end, whatever their make. */
  static async over(make: Make, flags: readonly string[] = []): Promise<Installation> {
    const cluster = await ClusterProcess.start({ make, size: MEMBERS, flags });
    try {
      const console = await QuorateProcess.start({ endpoints: cluster.endpoints });
      return new Installation(console, cluster);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get url(): string {
    return this.#console.url;
  }

  get port(): number {
    return this.#console.port;
  }

  /** What the console has written so far. */
  get log(): string {
    return readFileSync(join(this.#console.dataDir, "logs/console.log"), "utf8");
  }

  /** Client URL of member `at`, counted from 0. */
  memberUrl(at: number): string {
    return this.#cluster?.member(at).clientUrl ?? this.#console.memberUrl(at);
  }

  /** The members as processes, for an installation made with `over`. */
  get cluster(): ClusterProcess {
    if (this.#cluster === undefined) throw new Error("the members belong to npm start");
    return this.#cluster;
  }

  async stop(): Promise<void> {
    await this.#console.stop();
    await this.#cluster?.stop();
  }
}
