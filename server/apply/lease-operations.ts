import { authorizeLease } from "../admission/authorize.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { LeaseCheckpointRequest } from "../proto/gen/internal.ts";
import { LeaseGrantRequest, LeaseGrantResponse, LeaseRevokeRequest } from "../proto/gen/rpc.ts";
import { InternalField } from "../proto/internal-codec.ts";
import type { OnChanges } from "./key-operations.ts";
import { KeyWriter } from "./key-writer.ts";
import type { AnyOperation, Operation } from "./operation.ts";
import { NO_COST, NOT_JUDGED } from "./operation.ts";
import { succeeded } from "./outcome.ts";
import type { ReplicatedState } from "./replicated-state.ts";

/** etcd's estimate of what a lease adds to the database, in bytes. */
export const LEASE_COST_BYTES = 64;

/** Grant, revoke and checkpoint. */
export function leaseOperations(state: ReplicatedState, onChanges: OnChanges): AnyOperation[] {
  return [grant(state), revoke(state, onChanges), checkpoint(state)];
}

function grant(state: ReplicatedState): Operation<LeaseGrantRequest> {
  return {
    field: InternalField.LEASE_GRANT,
    needsIntactState: true,
    decode: (bytes) => LeaseGrantRequest.decode(bytes),
    cost: () => LEASE_COST_BYTES,
    authorize: NOT_JUDGED,
    run: ({ ID, TTL }) => {
      const granted = state.lessor.grant(ID, TTL, state.nowMs);
      const response = { header: undefined, ID, TTL: granted, error: "" };
      const body = Buffer.from(LeaseGrantResponse.encode(response).finish());
      return succeeded(state.kv.revision, body);
    },
  };
}

function revoke(state: ReplicatedState, onChanges: OnChanges): Operation<LeaseRevokeRequest> {
  return {
    field: InternalField.LEASE_REVOKE,
    needsIntactState: true,
    decode: (bytes) => LeaseRevokeRequest.decode(bytes),
    cost: NO_COST,
    authorize: ({ ID }, access) => authorizeLease(access, state.lessor, ID),
    *run({ ID }) {
      const keys = yield* state.lessor.sortedKeys(ID);
      const writer = new KeyWriter(state);
      for (const key of keys) {
        yield* writer.deletingRange(key, EMPTY_BYTES);
        if (writer.isPauseDue()) yield;
      }
      const { revision, changes } = writer.end();
      state.lessor.revoke(ID);
      const telling = changes.length > 0 ? onChanges(revision, changes) : undefined;
      if (telling !== undefined) yield* telling;
      return succeeded(revision, EMPTY_BYTES);
    },
  };
}

function checkpoint(state: ReplicatedState): Operation<LeaseCheckpointRequest> {
  return {
    field: InternalField.LEASE_CHECKPOINT,
    needsIntactState: false,
    decode: (bytes) => LeaseCheckpointRequest.decode(bytes),
    cost: NO_COST,
    authorize: NOT_JUDGED,
    run: ({ checkpoints }) => {
      for (const { ID, remainingTTL } of checkpoints)
        state.lessor.checkpoint(ID, remainingTTL, state.nowMs);
      return succeeded(state.kv.revision, EMPTY_BYTES);
    },
  };
}
