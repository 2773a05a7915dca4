import { expect, test } from "vitest";
import { must } from "../base/assert.ts";
import { finish, isSteps } from "../base/steps.ts";
import { AuthUserAddRequest, DeleteRangeRequest, PutRequest } from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { EntryType } from "../raft/entry.ts";
import { applierOf, stateOn } from "./state-machine.suite.ts";

const key = Buffer.from("k");
const put = PutRequest.encode(PutRequest.fromPartial({ key })).finish();
const deletion = DeleteRangeRequest.encode(DeleteRangeRequest.fromPartial({ key })).finish();

test.each([
  ["put", InternalField.PUT, put],
  ["deletion", InternalField.DELETE_RANGE, deletion],
])(
  "a %s of who was recognised before users or roles changed is refused by every member",
  (_name, field, bytes) => {
    const state = stateOn();
    const applier = applierOf(state);
    const root = AuthUserAddRequest.fromPartial({ name: "root", options: { noPassword: true } });
    state.auth.addUser(root);
    state.auth.grantRole("root", "root");
    state.auth.enable();
    const apply = (authRevision: number) => {
      const data = encodeInternal(field, bytes, 7n, "root", authRevision);
      const entry = { type: EntryType.NORMAL, term: 1, index: state.applied.index + 1, data };
      const result = applier.apply(entry);
      return must(isSteps(result) ? finish(result) : result, "the entry has a proposer").outcome;
    };
    const { revision } = state.auth;
    expect(apply(revision - 1).error?.code).toBe("AuthOldRevision");
    expect(state.kv.revision).toBe(1);
    expect(apply(revision).error).toBeUndefined();
  },
);
