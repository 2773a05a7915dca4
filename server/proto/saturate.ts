// A step of `npm run proto`: what generated code makes of odd input is made what etcd makes of it.
//
// A revision, limit or count in a request may be any int64, but
// nothing the server holds ever reaches 2^53: clamping what lies beyond keeps every comparison's
// outcome, where the generated code would throw and turn odd input into an internal error.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const generated = join(import.meta.dirname, "gen");
const conversion = /function longToNumber\([^]*?\n}\n/;
const clamped = `function longToNumber(int64: { toString(): string }): number {
  const num = globalThis.Number(int64.toString());
  if (num > globalThis.Number.MAX_SAFE_INTEGER) return globalThis.Number.MAX_SAFE_INTEGER;
  if (num < globalThis.Number.MIN_SAFE_INTEGER) return globalThis.Number.MIN_SAFE_INTEGER;
  return num;
}
`;

// Each transaction within a transaction takes two messages more, and etcd lets up to 128 of them
// into the log: what cannot be decoded there could never be applied.
const depthLimit = /RecursionDepth >= \d+\)/g;
const depthAllowed = "RecursionDepth >= 512)";

// Known fields of another wire type, fields of number 0, groups that end and never began, messages
// longer than the one around them: generated code steps over all of it and takes the rest for the
// request, etcd refuses it.
const WRONG_TYPE = "throw new globalThis.Error(`field ${tag >>> 3} has wire type ${tag & 7}`);";
const strictness: readonly (readonly [RegExp, string])[] = [
  [/(if \(tag !== \d+\) \{\n +)break;/g, `$1${WRONG_TYPE}`],
  [/(continue;\n +\}\n\n +)break;/g, `$1${WRONG_TYPE}`],
  [
    /if \(\(tag & 7\) === 4 \|\| tag === 0\) \{\n( +)break;/g,
    "if ((tag & 7) === 4 || tag >>> 3 === 0) {\n$1throw new globalThis.Error(`illegal tag ${tag}`);",
  ],
  [
    /(reader\.skip\(tag & 7\);\n( +)\}\n)( +return message;)/g,
    '$1$2if (reader.pos !== end) {\n$2  throw new globalThis.Error("message beyond its length");\n$2}\n$3',
  ],
];

// A message that is sent twice in a field is decoded twice into one: generated code forgets the first,
// and what the log holds would mean another thing here than on a member of etcd's.
const merging: readonly (readonly [RegExp, string])[] = [
  [
    /(\n +decode\(input: BinaryReader \| Uint8Array, length\?: number)\): (\w+)/g,
    "$1, into?: $2): $2",
  ],
  [/(reader\.pos \+ length;\n +const message = )(?=createBase)/g, "$1into ?? "],
  [/(message\.(\w+) = \w+\.decode\(reader, reader\.uint32\(\))\);/g, "$1, message.$2);"],
];

// etcd's own messages may hold any bytes for text, and two that are no UTF-8 stay two. gRPC's are read
// by a protobuf that refuses what is no UTF-8.
const STRICT_FILE = "health.ts";
const anyText = /reader\.string\(\)/g;
const unicodeText = "reader.string(true)";
const bytesText = "decodeText(reader.bytes())";
const TEXT_MODULE = "../../base/text.ts";
const IMPORTS = "\nimport { BinaryReader";

function keepingBytes(text: string): string {
  const kept = text
    .replace(anyText, bytesText)
    .replace(/\.string\((.+)\);/g, ".bytes(encodeText($1));");
  if (kept === text) return text;
  const imported = `\nimport { decodeText, encodeText } from "${TEXT_MODULE}";`;
  return kept.replace(IMPORTS, `${imported}${IMPORTS}`);
}

// A message of two bytes is decoded into one with a field for everything, an empty buffer for bytes:
// a request can hold a million of them, and a buffer costs more than all the rest. An empty one
// cannot be written to, so all fields share it.
const EMPTY = /(?<!const EMPTY_BUFFER = )Buffer\.alloc\(0\)/g;
const AFTER_IMPORTS = "\nexport const protobufPackage";

function sharingEmpty(text: string): string {
  const shared = text.replace(EMPTY, "EMPTY_BUFFER");
  if (shared === text || shared.includes("const EMPTY_BUFFER = ")) return shared;
  return shared.replace(AFTER_IMPORTS, `\nconst EMPTY_BUFFER = Buffer.alloc(0);\n${AFTER_IMPORTS}`);
}

// Of the members of a oneof the last one on the wire is there, as it was sent last, and no other:
// generated code keeps them all, and who judges a request might look at one and who runs it at another.
const proto = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".proto"));
const oneofs = proto.flatMap((name) =>
  oneofsOf(readFileSync(join(import.meta.dirname, name), "utf8")),
);

interface Oneof {
  readonly message: string;
  /** As the generated code calls them. */
  readonly members: readonly string[];
}

function oneofsOf(text: string): Oneof[] {
  return [...text.matchAll(/oneof \w+ \{([^}]*)\}/g)].map(({ 1: body = "", index }) => {
    const message = [...text.slice(0, index).matchAll(/^message (\w+) \{/gm)].at(-1)?.[1] ?? "";
    const names = [...body.matchAll(/(\w+) = \d+/g)].map(([, name = ""]) => name);
    return {
      message,
      members: names.map((name) => name.replace(/_[a-z]/g, (at) => at.slice(1).toUpperCase())),
    };
  });
}

function keepingLast(text: string, { message, members }: Oneof): string {
  const start = text.indexOf(`export const ${message}: MessageFns<${message}> = {`);
  if (start < 0) return text;
  const decode = text.indexOf("  decode(", start);
  const end = text.indexOf("\n  },\n", decode);
  let body = text.slice(decode, end);
  for (const member of members) {
    const set = new RegExp(`^( +)message\\.${member} = (?!undefined;)`, "m");
    if (!set.test(body)) throw new Error(`${message}.${member} is not where it is looked for`);
    const cleared = members.map((each) => `$1message.${each} = undefined;\n`).join("");
    body = body.replace(set, `${cleared}$&`);
  }
  return text.slice(0, decode) + body + text.slice(end);
}

for (const name of readdirSync(generated, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".ts")) continue;
  const path = join(generated, name);
  const made = readFileSync(path, "utf8");
  const text = name === STRICT_FILE ? made.replace(anyText, unicodeText) : keepingBytes(made);
  const decodable = text.replace(conversion, clamped).replace(depthLimit, depthAllowed);
  const decoding = [...strictness, ...merging].reduce(
    (whole, [generatedCode, etcds]) => whole.replace(generatedCode, etcds),
    decodable,
  );
  writeFileSync(path, sharingEmpty(oneofs.reduce(keepingLast, decoding)));
}
