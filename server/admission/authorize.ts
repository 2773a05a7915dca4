// What a request needs of whoever sends it. Asked twice: where a request comes in, as far as it can
// be answered there, and again when its entry is applied, because rights may have changed between.
import type { Access } from "../auth/access.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { DeleteRangeRequest, PutRequest, RequestOp, TxnRequest } from "../proto/gen/rpc.ts";

/**
 * The key must be writable, readable if its old value is asked for; and with a lease every key on
 * that lease must be writable, since its end deletes them together.
 * @throws EtcdError as Access
 */
export function authorizePut(access: Access, lessor: Lessor, request: PutRequest): void {
  access.checkWrite(request.key);
  authorizeLease(access, lessor, request.lease);
  if (request.prevKv) access.checkRead(request.key);
}

/** @throws EtcdError as Access */
export function authorizeDeleteRange(access: Access, request: DeleteRangeRequest): void {
  const { key, rangeEnd, prevKv } = request;
  access.checkWrite(key, rangeEnd);
  if (prevKv) access.checkRead(key, rangeEnd);
}

/** Whoever ends a lease, or adds to it, must be able to write all keys on it; none is no obstacle. */
export function authorizeLease(access: Access, lessor: Lessor, id: bigint): void {
  if (id === 0n || !lessor.has(id) || access.isRoot) return;
  const { holder } = access;
  for (const key of lessor.unjudged(id, "writable", holder)) access.checkWrite(key);
  lessor.judged(id, "writable", holder);
}

/**
 * Compares read, and both branches count whichever will run; nested transactions likewise.
 * @param ownRanges whether the ranges of the outermost level are judged as well
 * @throws EtcdError as Access
 */
export function authorizeTxn(
  access: Access,
  lessor: Lessor,
  request: TxnRequest,
  ownRanges: "judged" | "skipped",
): void {
  for (const { key, rangeEnd } of request.compare) access.checkRead(key, rangeEnd);
  for (const operation of [...request.success, ...request.failure]) {
    const { requestRange } = operation;
    if (requestRange === undefined) authorizeOperation(access, lessor, operation);
    else if (ownRanges === "judged") access.checkRead(requestRange.key, requestRange.rangeEnd);
  }
}

function authorizeOperation(access: Access, lessor: Lessor, operation: RequestOp): void {
  const { requestPut, requestDeleteRange, requestTxn } = operation;
  if (requestPut !== undefined) authorizePut(access, lessor, requestPut);
  else if (requestDeleteRange !== undefined) authorizeDeleteRange(access, requestDeleteRange);
  else if (requestTxn !== undefined) authorizeTxn(access, lessor, requestTxn, "judged");
}

/** Renewing a lease keeps its keys alive. @throws EtcdError UserEmpty, and as Access */
export function authorizeRenewal(access: Access, lessor: Lessor, id: bigint): void {
  access.checkNamed();
  authorizeLease(access, lessor, id);
}

/** To hear of a lease is to hear of its keys. @throws EtcdError as Access */
export function authorizeLeaseKeys(access: Access, lessor: Lessor, id: bigint): void {
  const { holder } = access;
  const unjudged = lessor.unjudged(id, "readable", holder);
  if (access.isRoot) {
    // No key is closed to him, but he may have been recognised too early.
    const [first] = unjudged;
    if (first !== undefined) access.checkRead(first);
    return;
  }
  for (const key of unjudged) access.checkRead(key);
  lessor.judged(id, "readable", holder);
}
