import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../harness/http-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { answerForm } from "./gateway-form.ts";
import { GATEWAY_REQUESTS } from "./gateway-requests.ts";

// JSON over HTTP: the same requests to our member and to Debian's etcd, whole answers compared.

let ours: ClusterProcess;
let theirs: ClusterProcess;
beforeAll(async () => {
  [ours, theirs] = await Promise.all([
    ClusterProcess.start({ make: "quorate", size: 1 }),
    ClusterProcess.start({ make: "etcd-3.5", size: 1 }),
  ]);
});
afterAll(async () => {
  await ours?.stop();
  await theirs?.stop();
});

test("every answer to requests good and bad is etcd's", async () => {
  for (const [at, request] of GATEWAY_REQUESTS.entries()) {
    const [mine, real] = await Promise.all([
      ask(ours.member(0).clientUrl, request),
      ask(theirs.member(0).clientUrl, request),
    ]);
    const { method = "", path, body = "" } = request;
    const label = `#${at} ${method} ${path} ${body.toString().slice(0, 200)}`;
    expect.soft(answerForm(mine), label).toEqual(answerForm(real));
  }
});
