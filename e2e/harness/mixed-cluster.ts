import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CALM, type CommandResult, etcdctl, type Make, MemberProcess } from "./member-process.ts";
import { freePorts } from "./ports.ts";
import { ETCD_35 } from "./tools.ts";

/** Other tests may keep the machine busy. */
const LIMIT_MS = 60_000;
const ANSWER_MS = 2_000;

export interface HashKv {
  readonly hash: number;
  readonly compactRevision: number;
}

/** One cluster of members of different makes, grown one by one as an operator would. */
export class MixedCluster {
  readonly #folder = mkdtempSync(join(tmpdir(), "quorate-mixed-"));
  readonly #members = new Map<string, MemberProcess>();

  member(name: string): MemberProcess {
    const member = this.#members.get(name);
    if (member === undefined) throw new RangeError(`no member ${name}`);
    return member;
  }

  /** Starts a new, calm cluster of these members at once, none knowing more than the flags. */
  async found(makes: Readonly<Record<string, Make>>): Promise<void> {
    const names = Object.keys(makes);
    const ports = await freePorts(names.length * 2);
    const peers = names.map((name, i) => `${name}=http://127.0.0.1:${ports[i * 2]}`);
    for (const [i, name] of names.entries()) {
      const member = new MemberProcess({
        make: makes[name] as Make,
        name,
        peerPort: ports[i * 2] as number,
        clientPort: ports[i * 2 + 1] as number,
        dataDir: join(this.#folder, name),
        initialCluster: peers.join(","),
        state: "new",
        flags: CALM,
      });
      this.#members.set(name, member);
      member.start();
    }
    await Promise.all(names.map((name) => this.#started(name)));
  }

  /** Starts the first member, or has the others add this one and starts it. */
  async grow(
    name: string,
    make: Make,
    options: { readonly isLearner?: boolean; readonly flags?: readonly string[] } = {},
  ): Promise<void> {
    const [clientPort, peerPort] = await freePorts(2);
    const isFirst = this.#members.size === 0;
    const names = [...this.#members].map(([known, { peerUrl }]) => `${known}=${peerUrl}`);
    const member = new MemberProcess({
      make,
      name,
      clientPort: clientPort as number,
      peerPort: peerPort as number,
      dataDir: join(this.#folder, name),
      initialCluster: [...names, `${name}=http://127.0.0.1:${peerPort}`].join(","),
      state: isFirst ? "new" : "existing",
      flags: options.flags ?? [],
    });
    if (!isFirst) {
      const learner = options.isLearner === true ? ["--learner"] : [];
      const args = ["member", "add", name, `--peer-urls=${member.peerUrl}`, ...learner];
      // A voter is only added once the others have been connected for five seconds.
      await this.#changed(args, async () => (await this.#row(name, member.peerUrl)) !== undefined);
    }
    this.#members.set(name, member);
    member.start();
    await this.#started(name);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.stop("SIGKILL")));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** etcdctl 3.5 against one member. Throws, with what the member wrote, when it fails. */
  async at(name: string, args: readonly string[]): Promise<string> {
    return succeeded(await etcdctl(ETCD_35, this.member(name).clientUrl, args), args);
  }

  /** The same against whoever runs. */
  async any(args: readonly string[]): Promise<string> {
    const running = [...this.#members.values()].filter((member) => member.isRunning);
    const endpoints = running.map((member) => member.clientUrl).join(",");
    return succeeded(await etcdctl(ETCD_35, endpoints, args), args);
  }

  /** Repeats what throws until it does not, for at most a minute. */
  async eventually<T>(attempt: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + LIMIT_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(200);
      }
    }
  }

  async id(name: string): Promise<string> {
    return (await this.#row(name))?.[0] ?? "";
  }

  /** Resolves when the member itself knows that it votes. */
  async promote(name: string): Promise<void> {
    const args = ["member", "promote", await this.id(name)];
    await this.#changed(args, async () => (await this.#row(name))?.[5] === "false");
    // Until then it refuses to list them.
    await this.eventually(() => this.at(name, ["member", "list"]));
  }

  /** Has the others remove a member, and ends its process. */
  async remove(name: string): Promise<void> {
    const member = this.member(name);
    const args = ["member", "remove", await this.id(name)];
    await this.#changed(args, async () => (await this.#row(name)) === undefined);
    await member.stop("SIGKILL");
    this.#members.delete(name);
  }

  /** Makes `name` the leader, whoever leads now. */
  async lead(name: string): Promise<void> {
    const id = await this.id(name);
    await this.eventually(async () => {
      const leader = await this.leader();
      if (leader === name) return;
      await this.at(leader, ["move-leader", id]);
      if ((await this.leader()) !== name) throw new Error(`${name} does not lead`);
    });
  }

  async leader(): Promise<string> {
    for (const [name, member] of this.#members) {
      if (!member.isRunning) continue;
      const status = await etcdctl(ETCD_35, member.clientUrl, ["endpoint", "status"]);
      if (status.stdout.split(", ")[4] === "true") return name;
    }
    throw new Error("no leader");
  }

  /** What a member's peer port says of its store at one revision. */
  async hashKv(name: string, revision: number): Promise<HashKv> {
    const text = await getWithBody(
      `${this.member(name).peerUrl}/members/hashkv`,
      JSON.stringify({ revision }),
    );
    const json = JSON.parse(text) as { hash: number; compact_revision: number };
    return { hash: json.hash, compactRevision: json.compact_revision };
  }

  /** Waits until these members hold the same data at the newest revision; returns it. */
  agreement(names: readonly string[]): Promise<number> {
    return this.eventually(async () => {
      const [first = ""] = names;
      const { header } = JSON.parse(await this.at(first, ["get", "x", "-w", "json"])) as {
        header: { revision: number };
      };
      const hashes = await Promise.all(names.map((name) => this.hashKv(name, header.revision)));
      const distinct = new Set(hashes.map((hash) => JSON.stringify(hash)));
      if (distinct.size > 1) {
        const all = names.map((name, at) => `${name} ${JSON.stringify(hashes[at])}`).join(", ");
        throw new Error(`members differ at revision ${header.revision}: ${all}`);
      }
      return header.revision;
    });
  }

  /** Repeats a change until it is there: it may be made although no answer to it came. */
  async #changed(args: readonly string[], isMade: () => Promise<boolean>): Promise<void> {
    await this.eventually(async () => {
      if (!(await isMade())) await this.any(args);
    });
  }

  /** What `member list` says of the member: id, status, name, URLs, whether it is a learner. */
  async #row(name: string, peerUrl = this.member(name).peerUrl): Promise<string[] | undefined> {
    const rows = (await this.any(["member", "list"])).split("\n").map((row) => row.split(", "));
    return rows.find((row) => row[3] === peerUrl);
  }

  async #started(name: string): Promise<void> {
    await this.eventually(async () => {
      const member = this.member(name);
      if (!member.isRunning) throw new Error(`${name} ended:\n${member.output}`);
      const row = await this.#row(name);
      if (row?.[1] !== "started") throw new Error(`${name} has not started: ${row?.join(", ")}`);
      // The others know that it has started before it serves.
      await fetch(`${member.clientUrl}/version`, { signal: AbortSignal.timeout(ANSWER_MS) });
    });
  }
}

function succeeded(result: CommandResult, args: readonly string[]): string {
  if (result.code === 0) return result.stdout;
  throw new Error(`etcdctl ${args.join(" ")}: ${result.stderr}${result.stdout}`);
}

/** A GET with a body, which fetch refuses to send. */
function getWithBody(url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": body.length };
    const asked = request(url, { method: "GET", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url}: ${response.statusCode} ${text}`));
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
