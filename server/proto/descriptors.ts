// Names and types of the messages that clients send and receive, as the .proto files give them.
import { must } from "../base/assert.ts";
import { ENUMS, type FieldRow, MESSAGES, METHODS } from "./gen/descriptors.ts";

export type FieldKind =
  | "bool"
  | "bytes"
  | "enum"
  | "int32"
  | "int64"
  | "message"
  | "string"
  | "uint32"
  | "uint64";

export interface FieldDescriptor {
  /** As declared: `range_end`. */
  readonly name: string;
  /** In camel case: `rangeEnd`. */
  readonly jsonName: string;
  /** `etcdserverpb.RangeRequest.range_end` */
  readonly fullName: string;
  readonly number: number;
  readonly kind: FieldKind;
  readonly isRepeated: boolean;
  /** Full name; undefined outside of any. */
  readonly oneof: string | undefined;
  /** Of a field of kind message. */
  readonly message: () => MessageDescriptor;
  /** Of a field of kind enum. */
  readonly values: EnumDescriptor;
}

export interface EnumDescriptor {
  readonly byName: ReadonlyMap<string, number>;
  readonly byNumber: ReadonlyMap<number, string>;
}

export interface MessageDescriptor {
  /** In the order of declaration. */
  readonly fields: readonly FieldDescriptor[];
  readonly byNumber: ReadonlyMap<number, FieldDescriptor>;
  /** Under both of a field's names. */
  readonly byName: ReadonlyMap<string, FieldDescriptor>;
}

export interface MethodDescriptor {
  /** `/etcdserverpb.KV/Range` */
  readonly path: string;
  readonly request: MessageDescriptor;
  readonly response: MessageDescriptor;
  readonly takesStream: boolean;
  readonly givesStream: boolean;
}

const NO_VALUES: EnumDescriptor = { byName: new Map(), byNumber: new Map() };
const known = new Map<string, MessageDescriptor>();

/** @param fullName `etcdserverpb.RangeRequest` */
export function messageDescriptor(fullName: string): MessageDescriptor {
  const found = known.get(fullName);
  if (found !== undefined) return found;
  const rows = must(MESSAGES[fullName], `no message ${fullName}`);
  const fields = rows.map((row) => fieldDescriptor(fullName, row));
  const descriptor = {
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byName: new Map(
      fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field]]),
    ),
  };
  known.set(fullName, descriptor);
  return descriptor;
}

/** The methods of all services, in the order of declaration. */
export function methodDescriptors(): MethodDescriptor[] {
  return Object.entries(METHODS).map(([path, [request, response, takesStream, givesStream]]) => ({
    path,
    request: messageDescriptor(request),
    response: messageDescriptor(response),
    takesStream,
    givesStream,
  }));
}

function fieldDescriptor(scope: string, row: FieldRow): FieldDescriptor {
  const [name, jsonName, number, kind, isRepeated, typeName, oneof] = row;
  return {
    name,
    jsonName,
    fullName: `${scope}.${name}`,
    number,
    kind: kind as FieldKind,
    isRepeated,
    oneof: oneof === "" ? undefined : `${scope}.${oneof}`,
    message: () => messageDescriptor(typeName),
    values: kind === "enum" ? enumDescriptor(typeName) : NO_VALUES,
  };
}

function enumDescriptor(fullName: string): EnumDescriptor {
  const entries = Object.entries(must(ENUMS[fullName], `no enum ${fullName}`));
  return {
    byName: new Map(entries),
    byNumber: new Map(entries.map(([name, number]) => [number, name])),
  };
}
