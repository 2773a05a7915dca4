import { leaseIdText } from "../base/bytes.ts";
import { encodeText } from "../base/text.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  CompactionRequest,
  type Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  PutRequest,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  type RequestOp,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { type EntryContent, InternalField } from "../proto/internal-codec.ts";

// Requests as etcd's log shows them: protobuf's short text form, every field with a blank behind
// it, values of keys left out but for their size.

const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  result: Compare_CompareResult,
  target: Compare_CompareTarget,
  sort_order: RangeRequest_SortOrder,
  sort_target: RangeRequest_SortTarget,
  action: AlarmRequest_AlarmAction,
  alarm: AlarmType,
};

/** A log entry: what etcd calls an internal raft request. */
export function entryText(content: EntryContent): string {
  if (content.kind === "empty") return "";
  if (content.kind === "v2") {
    const { ID, Method, Path, Val } = content.request;
    const method = `Method:${quoted(encodeText(Method))} Path:${quoted(encodeText(Path))}`;
    return `ID:${ID} ${method} Val:${quoted(encodeText(Val))} `;
  }
  const { header, field, request } = content;
  const user = header.username === "" ? "" : `username:${quoted(encodeText(header.username))} `;
  const revision = header.authRevision === 0 ? "" : `auth_revision:${header.authRevision} `;
  return `header:<ID:${header.id} ${user}${revision}> ${internalText(field, request)}`;
}

/** Without what the client must not find in a log: values, passwords. */
function internalText(field: number, bytes: Buffer): string {
  switch (field) {
    case InternalField.PUT:
      return `put:<${putText(PutRequest.decode(bytes))}>`;
    case InternalField.TXN:
      return `txn:<${txnText(TxnRequest.decode(bytes))}>`;
    case InternalField.DELETE_RANGE:
      return `delete_range:<${messageText(DeleteRangeRequest.decode(bytes))}> `;
    case InternalField.COMPACTION:
      return `compaction:<${messageText(CompactionRequest.decode(bytes))}> `;
    case InternalField.LEASE_GRANT: {
      const { TTL, ID } = LeaseGrantRequest.decode(bytes);
      return `lease_grant:<ttl:${TTL}-second id:${leaseIdText(ID)}>`;
    }
    case InternalField.LEASE_REVOKE:
      return `lease_revoke:<id:${leaseIdText(LeaseRevokeRequest.decode(bytes).ID)}>`;
    case InternalField.ALARM:
      return `alarm:<${messageText(AlarmRequest.decode(bytes))}> `;
    default:
      return `${fieldName(field)}:<size:${bytes.length} > `;
  }
}

/** Bytes of a key that are shown, and characters of what stands in one transaction. */
const BYTES_MAX = 1024;
const TXN_TEXT_MAX = 16 * 1024;
/** In place of what is left out; etcd shows all of it. */
const CUT = "...";

/** How much may still be said of a transaction, those within it included. */
interface Room {
  characters: number;
}

export function txnText(
  { compare, success, failure }: TxnRequest,
  room: Room = { characters: TXN_TEXT_MAX },
): string {
  const compares = listText(compare, compareText, room);
  const operations = (list: readonly RequestOp[]) => listText(list, operationText, room);
  return `compare:<${compares}> success:<${operations(success)}> failure:<${operations(failure)}>`;
}

/** Characters around what a nested transaction holds. */
const FRAME_CHARACTERS = 64;

function listText<T>(
  list: readonly T[],
  textOf: (item: T, room: Room) => string,
  room: Room,
): string {
  const texts: string[] = [];
  for (const item of list) {
    if (room.characters <= 0) {
      texts.push(CUT);
      break;
    }
    const before = room.characters;
    const text = textOf(item, room);
    // What is nested has taken its part already.
    room.characters -= room.characters < before ? FRAME_CHARACTERS : text.length;
    texts.push(text);
  }
  return texts.join(" ");
}

/** A message whose fields hold no secret. */
export function messageText(message: object): string {
  let text = "";
  for (const [key, value] of Object.entries(message)) text += fieldText(snakeCase(key), value);
  return text;
}

function operationText(operation: RequestOp, room: Room): string {
  const { requestPut, requestTxn, requestRange, requestDeleteRange } = operation;
  if (requestPut !== undefined) return `request_put:<${putText(requestPut)}>`;
  if (requestTxn !== undefined) return `request_txn:<${txnText(requestTxn, room)}>`;
  if (requestRange !== undefined) return `request_range:<${messageText(requestRange)}> `;
  if (requestDeleteRange === undefined) return "";
  return `request_delete_range:<${messageText(requestDeleteRange)}> `;
}

/** The value shows only as its size. */
export function putText({
  key,
  value,
  lease,
  prevKv,
  ignoreValue,
  ignoreLease,
}: PutRequest): string {
  return messageText({ key, value_size: value.length, lease, prevKv, ignoreValue, ignoreLease });
}

function compareText({ result, target, key, rangeEnd, ...union }: Compare): string {
  let text = messageText({ result, target, key });
  for (const [name, value] of Object.entries(union)) {
    if (value === undefined) continue;
    // A member of the union that is set is shown, zero or not.
    const isValue = value instanceof Uint8Array;
    text += isValue ? `value_size:${value.length} ` : `${snakeCase(name)}:${value} `;
  }
  return text + messageText({ rangeEnd });
}

function fieldText(name: string, value: unknown): string {
  if (value instanceof Uint8Array) return value.length === 0 ? "" : `${name}:${quoted(value)} `;
  const isScalar = typeof value === "number" || typeof value === "bigint" || value === true;
  if (!isScalar || value === 0 || value === 0n) return "";
  const names = ENUMS[name];
  const word = names && Object.entries(names).find(([, number]) => number === value)?.[0];
  return `${name}:${word ?? value} `;
}

function quoted(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, BYTES_MAX)) {
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    text += ESCAPES[byte] ?? (isPrintable ? String.fromCharCode(byte) : octal(byte));
  }
  return bytes.length > BYTES_MAX ? `"${text}"${CUT}` : `"${text}"`;
}

const ESCAPES: Readonly<Record<number, string>> = {
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, "0")}`;
}

function fieldName(field: number): string {
  const found = Object.entries(InternalField).find(([, number]) => number === field);
  return found?.[0].toLowerCase() ?? String(field);
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z](?=[a-z])/g, (letter) => `_${letter.toLowerCase()}`);
}
