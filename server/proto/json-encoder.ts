// From a message's bytes on the wire to its JSON, by the message's descriptor: fields in the order
// of their declaration under their declared names, 64-bit numbers as strings, bytes in base64, enums
// by name, and nothing for what is zero or empty.
import { isUtf8 } from "node:buffer";
import type { FieldDescriptor, FieldKind, MessageDescriptor } from "./descriptors.ts";
import { WireError, WireReader } from "./wire.ts";

/** A message with text that is no UTF-8, of which there is no JSON. The text is Go's. */
export class JsonTextError extends Error {
  override readonly name = "JsonTextError";

  constructor({ fullName }: FieldDescriptor) {
    super(`proto: field ${fullName} contains invalid UTF-8`);
  }
}

type FieldValue = Buffer | bigint;

/** A message within another, whose text comes next. */
interface Nested {
  readonly message: MessageDescriptor;
  readonly bytes: Buffer;
}

/**
 * The text in pieces, at least one for each element of a repeated field: all of it may be more than
 * a string holds. How deep a piece stands costs nothing. What stands behind a piece may not be read
 * yet: a list of messages may be long. A list of texts is read before its message's first piece.
 * @param bytes where there are lists of messages, fields by number, as all encoders here write them
 * @throws JsonTextError
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
  const values = mayBeLong(message)
    ? new OrderedFields(message, bytes)
    : readFields(message, bytes);
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
      if (opening !== ",") continue;
      yield "]";
    } else {
      let value: FieldValue | undefined;
      for (const each of found) value = each;
      if (value === undefined) continue;
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
    for (const value of valuesAt(reader, tag, field)) found.push(value);
  }
  return values;
}

/** What stands behind a tag: one value, or those of a packed list. */
function valuesAt(reader: WireReader, tag: number, field: FieldDescriptor): FieldValue[] {
  if (isLengthDelimited(field.kind)) {
    const value = reader.bytes();
    if (field.kind === "string" && !isUtf8(value)) throw new JsonTextError(field);
    return [value];
  }
  if ((tag & 7) !== 2) return [reader.uint64()];
  const values: FieldValue[] = [];
  const inner = new WireReader(reader.bytes());
  while (!inner.isAtEnd) values.push(inner.uint64());
  return values;
}

/** Reads no further than is asked for. To be asked for one field after the other. */
class OrderedFields {
  readonly #message: MessageDescriptor;
  readonly #reader: WireReader;
  /** Read, but not what stands behind it. */
  #tag: number | undefined;
  #last = 0;

  constructor(message: MessageDescriptor, bytes: Buffer) {
    this.#message = message;
    this.#reader = new WireReader(bytes);
  }

  *get(number: number): Generator<FieldValue> {
    const field = this.#message.byNumber.get(number);
    for (let tag = this.#next(); tag !== undefined && tag >>> 3 <= number; tag = this.#next()) {
      this.#tag = undefined;
      if (field !== undefined && tag >>> 3 === number) yield* valuesAt(this.#reader, tag, field);
      else this.#reader.skip(tag);
    }
  }

  #next(): number | undefined {
    if (this.#tag !== undefined || this.#reader.isAtEnd) return this.#tag;
    this.#tag = this.#reader.tag();
    const number = this.#tag >>> 3;
    if (number < this.#last) throw new WireError(`field ${number} behind field ${this.#last}`);
    this.#last = number;
    return this.#tag;
  }
}

const longMessages = new WeakMap<MessageDescriptor, boolean>();

/** Whether it has lists of messages, and all fields are declared in the order of their numbers. */
function mayBeLong(message: MessageDescriptor): boolean {
  let isLong = longMessages.get(message);
  if (isLong === undefined) {
    const { fields } = message;
    const hasList = fields.some(({ isRepeated, kind }) => isRepeated && kind === "message");
    isLong = hasList && fields.every(({ number }, at) => number > (fields[at - 1]?.number ?? 0));
    longMessages.set(message, isLong);
  }
  return isLong;
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
