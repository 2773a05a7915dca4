// From a message's bytes on the wire to its JSON, by the message's descriptor: fields in the order
// of their declaration under their declared names, 64-bit numbers as strings, bytes in base64, enums
// by name, and nothing for what is zero or empty.
import type { FieldDescriptor, FieldKind, MessageDescriptor } from "./descriptors.ts";
import { WireReader } from "./wire.ts";

type FieldValue = Buffer | bigint;

/**
 * The text in pieces, one for each element of a repeated field, however deep: all of it may be more
 * than a string holds.
 */
export function* jsonPieces(message: MessageDescriptor, bytes: Buffer): Generator<string> {
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
        yield* valuePieces(field, value);
        opening = ",";
      }
      yield "]";
    } else {
      const value = found.at(-1) as FieldValue;
      if (field.oneof === undefined && isZero(value, field.kind)) continue;
      yield name;
      yield* valuePieces(field, value);
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

function* valuePieces(field: FieldDescriptor, value: FieldValue): Generator<string> {
  if (typeof value === "bigint") yield numberText(field, value);
  else if (field.kind === "message") yield* jsonPieces(field.message(), value);
  else if (field.kind === "bytes") yield `"${value.toString("base64")}"`;
  else yield JSON.stringify(value.toString("utf8"));
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
