import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ETCD_35 } from "../harness/tools.ts";

const MODULE = "go.etcd.io/etcd/tests/v3@v3.5.16";
const OURS = join(import.meta.dirname, "../../dist/server/etcd.js");
/** The longest test takes three minutes. */
const TEST_SECONDS_MAX = 400;
/** Modules are where the module file says, and Go is the one that is installed. */
const GO_ENV = { ...process.env, GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local", GOWORK: "off" };

export interface TestRun {
  readonly outcome: "passed" | "skipped" | "failed";
  readonly seconds: number;
  /** Path of what it wrote. */
  readonly log: string;
}

/** The compiled end-to-end tests of etcd, and a folder of the programs that they start. */
export class EtcdSuite {
  readonly #sources: string;
  readonly #program: string;
  readonly #programs: string;
  readonly #logs: string;

  private constructor(cache: string, make: string) {
    this.#sources = join(cache, "tests");
    this.#program = join(cache, "e2e.test");
    this.#programs = join(cache, `bin-${make}`);
    this.#logs = join(cache, `logs-${make}`);
  }

  /** Fetches and compiles what is not there yet. @throws Error when there is no Go */
  static prepare(cache: string, make: "quorate" | "etcd-3.5"): EtcdSuite {
    const suite = new EtcdSuite(cache, make);
    mkdirSync(cache, { recursive: true });
    if (!existsSync(suite.#program)) suite.#compile(cache);
    suite.#gather(make);
    rmSync(suite.#logs, { recursive: true, force: true });
    mkdirSync(suite.#logs);
    return suite;
  }

  tests(): readonly string[] {
    const listed = execFileSync(this.#program, ["-test.list", "."], { cwd: this.#folder });
    return listed
      .toString()
      .split("\n")
      .filter((line) => line.startsWith("Test"));
  }

  run(name: string): TestRun {
    const startedAt = performance.now();
    const log = join(this.#logs, `${name}.log`);
    const { status, stdout, stderr } = spawnSync(
      this.#program,
      [
        `-test.run=^${name}$`,
        "-test.v",
        `-test.timeout=${TEST_SECONDS_MAX}s`,
        `-bin-dir=${this.#programs}`,
      ],
      { cwd: this.#folder, maxBuffer: Number.POSITIVE_INFINITY },
    );
    writeFileSync(log, Buffer.concat([stdout, stderr]));
    const isSkipped = stdout.includes(`--- SKIP: ${name} `);
    const outcome = status !== 0 ? "failed" : isSkipped ? "skipped" : "passed";
    return { outcome, seconds: Math.round((performance.now() - startedAt) / 1_000), log };
  }

  /** Tests find their certificates from here. */
  get #folder(): string {
    return join(this.#sources, "e2e");
  }

  /** The modules of one release know each other by folders; by their versions they are found too. */
  #compile(cache: string): void {
    const { Dir: origin } = JSON.parse(go(cache, ["mod", "download", "-json", MODULE])) as {
      readonly Dir: string;
    };
    rmSync(this.#sources, { recursive: true, force: true });
    cpSync(origin, this.#sources, { recursive: true });
    execFileSync("chmod", ["-R", "u+w", this.#sources]);
    const file = join(this.#sources, "go.mod");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/^replace \([^)]*\)\n/m, "").replace(/^toolchain .*\n/m, ""));
    go(this.#sources, ["mod", "tidy"]);
    go(this.#sources, ["test", "-c", "-o", `${this.#program}.part`, "./e2e"]);
    renameSync(`${this.#program}.part`, this.#program);
  }

  /**
   * Without a last release, for which tests look: members of 3.4.23 hash keys otherwise than those of
   * 3.5.16 after a compaction.
   */
  #gather(make: "quorate" | "etcd-3.5"): void {
    rmSync(this.#programs, { recursive: true, force: true });
    mkdirSync(this.#programs);
    const etcd = join(this.#programs, "etcd");
    if (make === "etcd-3.5") symlinkSync(ETCD_35.etcd, etcd);
    else {
      const script = `#!/bin/sh\nexec '${process.execPath}' '${OURS}' "$@"\n`;
      writeFileSync(etcd, script, { mode: 0o755 });
    }
    symlinkSync(ETCD_35.etcdctl, join(this.#programs, "etcdctl"));
    symlinkSync(ETCD_35.etcdutl, join(this.#programs, "etcdutl"));
  }
}

function go(cwd: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync("go", args, { cwd, env: GO_ENV });
  if (error !== undefined)
    throw new Error(`etcd's tests need Go to compile them: ${error.message}`);
  if (status !== 0) throw new Error(`go ${args.join(" ")} said: ${stderr.toString().trim()}`);
  return stdout.toString();
}
