// From a message's bytes on the wire to its JSON, by the message's descriptor: fields in the order
// of their declaration under their declared names, 64-bit numbers as strings, bytes in base64, enums
// by name, and nothing for what is zero or empty.
import type { FieldDescriptor, FieldKind, MessageDescriptor } from "./descriptors.ts";
import { WireReader } from "./wire.ts";

type FieldValue = Buffer | bigint;

/** A message within another, whose text comes next. */
interface Nested {
  readonly message: MessageDescriptor;
  readonly bytes: Buffer;
}

/**
 * The text in pieces, at least one for each element of a repeated field: all of it may be more than
 * a string holds. How deep a piece stands costs nothing.
 */
export function* jsonPieces(message: MessageDescriptor, bytes: Buffer): Generator<string> {
  const open = [parts(message, bytes)];
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    const { value, done } = last.next();
    if (done === true) open.pop();
    else if (typeof value === "string") yield value;
    else open.push(parts(value.message, value.bytes));
  }
}

function* parts(message: MessageDescriptor, bytes: Buffer): Generator<string | Nested, void> {
  const values = readFields(message, bytes);
  let separator = "{";
  for (const field of message.fields) {
    const found = values.get(field.number);
    if (found === undefined) continue;
    const name = `${separator}"${field.name}":`;
    if (field.isRepeated) {
      let opening = `${name}[`;
      for (const value of found) {
        yield opening;
        yield valuePart(field, value);
        opening = ",";
      }
      yield "]";
    } else {
      const value = found.at(-1) as FieldValue;
      if (field.oneof === undefined && isZero(value, field.kind)) continue;
      yield name;
      yield valuePart(field, value);
    }
    separator = ",";
  }
  yield separator === "{" ? "{}" : "}";
}

/** By field number, in the order of arrival. Packed lists are taken apart. */
function readFields(message: MessageDescriptor, bytes: Buffer): Map<number, FieldValue[]> {
  const values = new Map<number, FieldValue[]>();
  const reader = new WireReader(bytes);
  while (!reader.isAtEnd) {
    const tag = reader.tag();
    const field = message.byNumber.get(tag >>> 3);
    if (field === undefined) {
      reader.skip(tag);
      continue;
    }
    let found = values.get(field.number);
    if (found === undefined) values.set(field.number, (found = []));
    const isPacked = (tag & 7) === 2 && !isLengthDelimited(field.kind);
    if (isPacked) {
      const inner = new WireReader(reader.bytes());
      while (!inner.isAtEnd) found.push(inner.uint64());
    } else found.push(isLengthDelimited(field.kind) ? reader.bytes() : reader.uint64());
  }
  return values;
}

function valuePart(field: FieldDescriptor, value: FieldValue): string | Nested {
  if (typeof value === "bigint") return numberText(field, value);
  if (field.kind === "message") return { message: field.message(), bytes: value };
  if (field.kind === "bytes") return `"${value.toString("base64")}"`;
  return JSON.stringify(value.toString("utf8"));
}

function numberText(field: FieldDescriptor, value: bigint): string {
  switch (field.kind) {
    case "bool":
      return value === 0n ? "false" : "true";
    case "int64":
      return `"${BigInt.asIntN(64, value)}"`;
    case "uint64":
      return `"${value}"`;
    case "enum": {
      const number = Number(BigInt.asIntN(32, value));
      const name = field.values.byNumber.get(number);
      return name === undefined ? String(number) : `"${name}"`;
    }
    case "int32":
      return String(BigInt.asIntN(32, value));
    default:
      return String(value);
  }
}

function isZero(value: FieldValue, kind: FieldKind): boolean {
  if (typeof value === "bigint") return value === 0n;
  // A message that is there shows, even without a field.
  return value.length === 0 && kind !== "message";
}

function isLengthDelimited(kind: FieldKind): boolean {
  return kind === "bytes" || kind === "string" || kind === "message";
}
