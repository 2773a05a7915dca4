import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { freePorts } from "./ports.ts";
import { PROMETHEUS } from "./tools.ts";

const READY_LIMIT_MS = 30_000;

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface RuleState {
  readonly name: string;
  readonly query: string;
  /** `ok`, or why it could not be evaluated. */
  readonly health: string;
  readonly lastError?: string;
  /** Of an alert: `inactive`, `pending` or `firing`. */
  readonly state: string;
}

/** A real Prometheus that looks at some members every second. */
export class PrometheusProcess {
  readonly #url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  #output = "";

  private constructor(port: number, folder: string) {
    this.#url = `http://127.0.0.1:${port}`;
    this.#folder = folder;
    this.#child = spawn(
      PROMETHEUS,
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString("utf8");
    });
  }

  /** @param rules path of a rule file */
  static async start(clientUrls: readonly string[], rules: string): Promise<PrometheusProcess> {
    const folder = mkdtempSync(join(tmpdir(), "quorate-prometheus-"));
    const targets = clientUrls.map((url) => new URL(url).host);
    const config = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [rules],
      scrape_configs: [{ job_name: "etcd", static_configs: [{ targets }] }],
    };
    writeFileSync(join(folder, "prometheus.yml"), stringify(config));
    const [port = 0] = await freePorts(1);
    const prometheus = new PrometheusProcess(port, folder);
    const isUp = async () => (await prometheus.query("up == 1")).length === targets.length;
    try {
      await prometheus.eventually(isUp, "all targets up");
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
  }

  async query(expression: string): Promise<readonly Series[]> {
    const data = await this.#get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return (data as { result: Series[] }).result;
  }

  async rules(): Promise<readonly RuleState[]> {
    const data = (await this.#get("/api/v1/rules")) as { groups: { rules: RuleState[] }[] };
    return data.groups.flatMap((group) => group.rules);
  }

  async eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
    const deadline = performance.now() + READY_LIMIT_MS;
    for (;;) {
      let problem = "no";
      try {
        if (await holds()) return;
      } catch (error) {
        problem = String(error);
      }
      if (performance.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`${what}: ${problem}\n${this.#output}`);
      }
      await delay(200);
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode === null && this.#child.kill("SIGKILL")) await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(this.#url + path);
    const body = (await response.json()) as { status: string; error?: string; data: unknown };
    if (body.status !== "success") throw new Error(`${path}: ${body.error}`);
    return body.data;
  }
}
