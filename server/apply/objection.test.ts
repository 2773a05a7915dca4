import { expect, test } from "vitest";
import { NOBODY } from "../auth/identity.ts";
import { finish, isSteps } from "../base/steps.ts";
import {
  AlarmType,
  AuthRoleGetRequest,
  AuthUserAddRequest,
  AuthUserGetRequest,
  DeleteRangeRequest,
  PutRequest,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { EntryType } from "../raft/entry.ts";
import { applierOf, stateOn } from "./state-machine.suite.ts";

const ROOT_USER = AuthUserAddRequest.fromPartial({ name: "root", options: { noPassword: true } });
const key = Buffer.from("k");
const put = Buffer.from(PutRequest.encode(PutRequest.fromPartial({ key })).finish());
const deletion = DeleteRangeRequest.encode(DeleteRangeRequest.fromPartial({ key })).finish();
const txn = (...success: object[]) =>
  Buffer.from(TxnRequest.encode(TxnRequest.fromPartial({ success })).finish());
const ownUser = Buffer.from(AuthUserGetRequest.encode({ name: "" }).finish());
const aRole = Buffer.from(AuthRoleGetRequest.encode({ role: "r" }).finish());

const ASKED: readonly (readonly [InternalField, Buffer])[] = [
  [InternalField.PUT, put],
  [InternalField.DELETE_RANGE, Buffer.from(deletion)],
  [InternalField.TXN, txn({ requestPut: { key } })],
  [InternalField.TXN, txn({ requestTxn: {} })],
  [InternalField.TXN, txn({ requestTxn: { failure: [{ requestDeleteRange: { key } }] } })],
  [InternalField.AUTH_DISABLE, Buffer.alloc(0)],
  [InternalField.AUTH_STATUS, Buffer.alloc(0)],
  [InternalField.AUTH_USER_GET, ownUser],
  [InternalField.AUTH_ROLE_GET, aRole],
];

test("a stranger is told at once what applying his request would tell him", () => {
  const { state, applier } = machine();
  expect(applier.objection(InternalField.PUT, put, NOBODY)).toBeUndefined();
  state.auth.addUser(ROOT_USER);
  state.auth.grantRole("root", "root");
  state.auth.enable();
  let index = 0;
  const applied = (field: InternalField, bytes: Buffer) => {
    const data = encodeInternal(field, bytes, 7n);
    const result = applier.apply({ type: EntryType.NORMAL, term: 1, index: ++index, data });
    return (isSteps(result) ? finish(result) : result)?.outcome.error;
  };
  const raise = [
    () => undefined,
    () => state.alarms.activate(1n, AlarmType.NOSPACE),
    () => state.alarms.activate(1n, AlarmType.CORRUPT),
  ];
  for (const alarm of raise) {
    alarm();
    const objections = ASKED.map(([field, bytes]) => applier.objection(field, bytes, NOBODY)?.code);
    expect(objections).toContain("UserEmpty");
    const errors = ASKED.map(([field, bytes]) => applied(field, bytes)?.code);
    // What is only then found out, in the state itself, is no objection.
    const refusals = errors.map((code) => (code === "UserNotFound" ? undefined : code));
    expect(objections).toEqual(refusals);
  }
});

function machine() {
  const state = stateOn();
  const applier = applierOf(state);
  return { state, applier };
}
