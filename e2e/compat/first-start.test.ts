// The first member of a new cluster that nobody has joined yet: whoever connects to it waits, with
// ours as with Debian's etcd, and is answered as soon as the cluster has begun.
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { KVDefinition, PutRequest } from "../../server/proto/gen/rpc.ts";
import { type Make, MemberProcess } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { RpcClient } from "../harness/rpc-client.ts";

const key = Buffer.from("key");
const { put } = KVDefinition.methods;

/** Resolves when something listens there. */
async function isListening(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return;
    await delay(50);
  }
}

test.concurrent.each<Make>(["etcd-3.5", "quorate"])("%s", async (make) => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-first-start-"));
  const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4);
  const initialCluster = `m1=http://127.0.0.1:${b},m2=http://127.0.0.1:${d}`;
  const member = (name: string, clientPort: number, peerPort: number) =>
    new MemberProcess({
      make,
      name,
      clientPort,
      peerPort,
      initialCluster,
      dataDir: join(folder, name),
      state: "new",
    });
  const first = member("m1", a, b);
  const second = member("m2", c, d);
  const client = new RpcClient(new URL(first.clientUrl).host);
  try {
    first.start();
    await isListening(a);
    const answers: string[] = [];
    const call = client
      .unary(KVDefinition, put, PutRequest.fromPartial({ key }), 60_000)
      .then((outcome) => {
        answers.push("Put");
        return outcome;
      });
    const version = fetch(`${first.clientUrl}/version`).then((response) => {
      answers.push("/version");
      return response.json();
    });
    await delay(3_000);
    expect(answers).toEqual([]);
    second.start();
    const outcome = await call;
    const { etcdcluster } = (await version) as { etcdcluster: string };
    // etcd opens when it has made itself known, which may be before the version is decided.
    if (make !== "quorate") return;
    expect(outcome).toMatchObject({ response: { header: { revision: 2 } } });
    expect(etcdcluster).toBe("3.5.0");
  } finally {
    client.close();
    await Promise.all([first, second].map((each) => each.stop("SIGKILL")));
    rmSync(folder, { recursive: true, force: true });
  }
});
