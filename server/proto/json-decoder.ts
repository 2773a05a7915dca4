// From a message's JSON to its bytes on the wire, by the message's descriptor. What is accepted and
// what is said about the rest are those of Go's protojson, which etcd's gateway uses: both names of
// a field, numbers as numbers or strings, bytes in either base64, enums by name or number, unknown
// fields and enum names ignored.
import type { FieldDescriptor, MessageDescriptor } from "./descriptors.ts";
import { parseInteger } from "./json-number.ts";
import { JsonDepthError, JsonReader, type Token } from "./json-reader.ts";
import { MessageBuilder } from "./message-builder.ts";

/** Messages within each other; what the members' decoders take. */
const DEPTH_MAX = 512;

const INTEGER_RANGES = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

/**
 * @param json one whole JSON value, as `JsonScanner` delimits it
 * @param bytesMax of the message in protobuf; no more of the JSON is read than makes so much
 * @returns the message in protobuf
 * @throws JsonShapeError when it is no such message, JsonDepthError, MessageTooLargeError
 */
export function decodeJson(message: MessageDescriptor, json: Buffer, bytesMax: number): Buffer {
  const built = new MessageBuilder(bytesMax);
  readMessage(new JsonReader(json), message, built, 0);
  return built.finish();
}

function readMessage(
  reader: JsonReader,
  message: MessageDescriptor,
  built: MessageBuilder,
  depth: number,
): void {
  if (depth >= DEPTH_MAX) throw new JsonDepthError();
  const open = reader.read();
  if (open.kind !== "{") throw reader.unexpected(open);
  // No more than the message has fields; of such, a list is quicker than a set.
  const seen: (FieldDescriptor | string)[] = [];
  for (let name = reader.name(); name !== undefined; name = reader.name()) {
    const field = message.byName.get(name.text);
    if (field === undefined) {
      reader.skip();
      continue;
    }
    if (seen.includes(field)) throw reader.wrong(name, `duplicate field ${reader.raw(name)}`);
    seen.push(field);
    if (reader.peek() === "n") {
      reader.read();
      continue;
    }
    if (field.isRepeated) readList(reader, field, built, depth);
    else {
      if (field.oneof !== undefined) {
        if (seen.includes(field.oneof)) {
          const raw = reader.raw(name);
          throw reader.wrong(name, `error parsing ${raw}, oneof ${field.oneof} is already set`);
        }
        seen.push(field.oneof);
      }
      readField(reader, field, built, depth);
    }
  }
}

function readList(
  reader: JsonReader,
  field: FieldDescriptor,
  built: MessageBuilder,
  depth: number,
): void {
  const open = reader.read();
  if (open.kind !== "[") throw reader.unexpected(open);
  while (reader.hasElement()) readField(reader, field, built, depth, true);
}

function readField(
  reader: JsonReader,
  field: FieldDescriptor,
  built: MessageBuilder,
  depth: number,
  isElement = false,
): void {
  if (field.kind === "message") {
    const opened = built.open(field.number);
    readMessage(reader, field.message(), built, depth + 1);
    built.close(opened);
    return;
  }
  const token = reader.read();
  const value = scalar(field, token);
  if (value === "invalid") {
    const text = `invalid value for ${field.kind} field ${field.jsonName}: ${reader.raw(token)}`;
    throw reader.wrong(token, text);
  }
  if (value === "ignored") return;
  // Zero needs no bytes, except where being there is what counts.
  const isPresent = isElement || field.oneof !== undefined;
  if (typeof value === "bigint") {
    if (value !== 0n || isPresent) built.number(field.number, value);
  } else if (value.length > 0 || isPresent) built.bytes(field.number, value);
}

/** The value as the wire has it. Ignored is the unknown name of an enum's value. */
function scalar(field: FieldDescriptor, token: Token): bigint | Buffer | "invalid" | "ignored" {
  const { kind } = field;
  switch (kind) {
    case "bool":
      if (token.kind === "t") return 1n;
      return token.kind === "f" ? 0n : "invalid";
    case "string":
      return token.kind === '"' ? Buffer.from(token.text, "utf8") : "invalid";
    case "bytes":
      return (token.kind === '"' ? decodeBase64(token.text) : undefined) ?? "invalid";
    case "enum":
      if (token.kind === '"') {
        const named = field.values.byName.get(token.text);
        return named === undefined ? "ignored" : BigInt(named);
      }
      return token.kind === "0" ? integer(token.text, "int32") : "invalid";
    case "message":
      return "invalid";
    default:
      return token.kind === "0" || token.kind === '"' ? integer(token.text, kind) : "invalid";
  }
}

function integer(text: string, kind: keyof typeof INTEGER_RANGES): bigint | "invalid" {
  const value = parseInteger(text);
  const [least, most] = INTEGER_RANGES[kind];
  return value === undefined || value < least || value > most ? "invalid" : value;
}

const BASE64 = /^[A-Za-z0-9+/]*$/;
const BASE64_URL = /^[A-Za-z0-9_-]*$/;

/** Padded or not; undefined when it is neither base64. */
function decodeBase64(text: string): Buffer | undefined {
  const isPadded = text.length % 4 === 0;
  const padding = isPadded && text.endsWith("=") ? (text.endsWith("==") ? 2 : 1) : 0;
  const digits = padding === 0 ? text : text.slice(0, -padding);
  if (digits.length % 4 === 1) return undefined;
  if (!BASE64.test(digits) && !BASE64_URL.test(digits)) return undefined;
  return Buffer.from(digits, "base64");
}
