import { expect, test } from "vitest";
import { DowngradeRequest_DowngradeAction as Action } from "../proto/gen/rpc.ts";
import type { CallContext, Dispatcher } from "./dispatch.ts";
import { type DowngradeServiceOptions, registerDowngrade } from "./downgrade.ts";

type Ask = (request: { action: Action; version: string }, call: CallContext) => Promise<object>;

test("a version that is none is refused without waiting for a leader", async () => {
  let ask: Ask | undefined;
  const dispatcher = {
    unary: (_definition: object, _key: string, handler: Ask) => (ask = handler),
  };
  const barrier = () => Promise.reject(new Error("no leader"));
  const options = { replica: { readBarrier: barrier }, state: {}, proposer: {}, headers: {} };
  registerDowngrade(
    dispatcher as unknown as Dispatcher,
    options as unknown as DowngradeServiceOptions,
  );
  const validate = (version: string) =>
    ask?.({ action: Action.VALIDATE, version }, {} as CallContext);
  await expect(validate("three")).rejects.toMatchObject({ code: "WrongDowngradeVersionFormat" });
  await expect(validate("3.4.0")).rejects.toThrow("no leader");
});
