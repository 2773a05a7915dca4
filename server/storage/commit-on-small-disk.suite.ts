// A process for the test of a disk that is full: says what each call did after a commit failed.
import { LmdbEngine } from "./lmdb-engine.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);
const nameOf = (error: unknown) => (error instanceof Error ? error.name : String(error));

async function outcome(what: string, act: () => unknown): Promise<void> {
  try {
    await act();
    say(`${what}: no error`);
  } catch (error) {
    say(`${what}: ${nameOf(error)}`);
  }
}

const engine = await LmdbEngine.open(process.argv[2] as string);
const key = Buffer.from("a");
engine.put("key", key, Buffer.from("1"));
await engine.commit();
say("committed");
for (let i = 0; i < 40; i++) engine.put("key", Buffer.from(`big ${i}`), Buffer.alloc(100_000));
const failing = engine.commit();
engine.put("key", Buffer.from("b"), Buffer.from("2"));
const behind = engine.commit();
await Promise.all([outcome("in flight", () => failing), outcome("behind it", () => behind)]);
await outcome("afterwards", () => engine.commit());
await outcome("get", () => engine.get("key", key));
await outcome("put", () => engine.put("key", key, Buffer.from("3")));
await engine.close();
say("closed");
