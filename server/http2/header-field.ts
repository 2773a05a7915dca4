import { METADATA_NAMES } from "./metadata.ts";

/** What a header means to us, looked up once when it enters a table and not on each request. */
export const HeaderKind = {
  OTHER: 0,
  METHOD: 1,
  PATH: 2,
  CONTENT_TYPE: 3,
  TIMEOUT: 4,
  ENCODING: 5,
  /** Known and of no use to anybody behind us. */
  IGNORED: 6,
  /** A pseudo header that no request may have. */
  BAD_PSEUDO: 7,
  /** HTTP/1's own, forbidden in HTTP/2. */
  CONNECTION: 8,
  /** What the application may ask for. */
  METADATA: 9,
} as const;
export type HeaderKind = (typeof HeaderKind)[keyof typeof HeaderKind];

const KINDS: ReadonlyMap<string, HeaderKind> = new Map<string, HeaderKind>([
  ...METADATA_NAMES.map((name) => [name, HeaderKind.METADATA] as const),
  [":method", HeaderKind.METHOD],
  [":path", HeaderKind.PATH],
  [":scheme", HeaderKind.IGNORED],
  [":authority", HeaderKind.IGNORED],
  ["content-type", HeaderKind.CONTENT_TYPE],
  ["grpc-timeout", HeaderKind.TIMEOUT],
  ["grpc-encoding", HeaderKind.ENCODING],
  ["grpc-accept-encoding", HeaderKind.IGNORED],
  ["te", HeaderKind.IGNORED],
  ["connection", HeaderKind.CONNECTION],
]);

export class HeaderField {
  readonly name: string;
  readonly value: string;
  readonly kind: HeaderKind;

  constructor(name: string, value: string, kind: HeaderKind = headerKind(name)) {
    this.name = name;
    this.value = value;
    this.kind = kind;
  }

  /** As HTTP/2 and HPACK count it. */
  get size(): number {
    return this.name.length + this.value.length + 32;
  }
}

function headerKind(name: string): HeaderKind {
  const kind = KINDS.get(name);
  if (kind !== undefined) return kind;
  return name.startsWith(":") ? HeaderKind.BAD_PSEUDO : HeaderKind.OTHER;
}
