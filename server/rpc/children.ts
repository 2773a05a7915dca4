import { EtcdError, Status } from "../errors.ts";
import type { ChildEntry } from "../mvcc/children.ts";
import type { MvccStore } from "../mvcc/store.ts";
import {
  type Child,
  type ChildrenRequest,
  type ChildrenResponse,
  TreeDefinition,
} from "../proto/gen/children.ts";
import type { ResponseHeader } from "../proto/gen/rpc.ts";
import { StatusError } from "./call-errors.ts";
import type { CallContext, Dispatcher, UnaryHandler } from "./dispatch.ts";

/** Also when a request asks for none, or for more. */
export const CHILDREN_MAX = 10_000;
/** Every key of a level is searched for the separator. */
export const SEPARATOR_BYTES_MAX = 64;

export interface ChildrenServiceOptions {
  /** The store of now: another one after a snapshot was installed. */
  readonly store: () => MvccStore;
  readonly header: (revision: number) => ResponseHeader;
  /**
   * Resolves when the store shows everything that was acknowledged before the call, and the caller
   * may read all keys below the prefix; rejects with what the client gets instead.
   */
  readonly admit: (request: ChildrenRequest, context: CallContext) => Promise<void>;
}

export function registerChildren(dispatcher: Dispatcher, options: ChildrenServiceOptions): void {
  dispatcher.unary(TreeDefinition, "children", childrenHandler(options));
}

/** The service without its registration. */
export function childrenHandler(
  options: ChildrenServiceOptions,
): UnaryHandler<ChildrenRequest, ChildrenResponse> {
  return async (request, context) => {
    if (request.separator.length === 0) throw new EtcdError("EmptyKey");
    if (request.separator.length > SEPARATOR_BYTES_MAX) {
      const text = `the separator is longer than ${SEPARATOR_BYTES_MAX} bytes`;
      throw new StatusError(Status.INVALID_ARGUMENT, text);
    }
    await options.admit(request, context);
    return listChildren(request, options);
  };
}

function listChildren(request: ChildrenRequest, options: ChildrenServiceOptions): ChildrenResponse {
  const store = options.store();
  const { prefix, separator, revision, after, from } = request;
  const isBounded = request.limit > 0 && request.limit < CHILDREN_MAX;
  const limit = isBounded ? request.limit : CHILDREN_MAX;
  const found = store.children({ prefix, separator, revision, limit, after, from });
  return {
    header: options.header(store.revision),
    children: found.children.map(childMessage),
    more: found.more,
    count: found.count,
    revision: found.revision,
  };
}

function childMessage({ key, count, record }: ChildEntry): Child {
  if (record === undefined) return { key, folder: true, count, kv: undefined, valueSize: 0 };
  const { createRevision, modRevision, version, lease } = record;
  const kv = { key, createRevision, modRevision, version, value: Buffer.alloc(0), lease };
  return { key, folder: false, count, kv, valueSize: record.valueLength };
}
